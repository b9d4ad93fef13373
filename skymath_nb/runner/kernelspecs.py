"""The kernel of this interpreter, whatever kernel specs other environments, users or hubs have left
on the machine.

A spec is found by its name, and the name `python3` may belong to any of them: JUPYTER_PATH and the
user's own folder come before the environment. So the runner and `make lab` ask `OwnKernels`, and a
copy that `open` writes names a spec that no other interpreter has.
"""

import hashlib
import json
import sys
from pathlib import Path

from ipykernel import kernelspec
from jupyter_client.kernelspec import (
    NATIVE_KERNEL_NAME,
    KernelSpec,
    KernelSpecManager,
    NoSuchKernel,
)
from jupyter_client.manager import AsyncKernelManager

from ..core import disk

# of the environment's own spec
NAME = f"skymath-{hashlib.sha256(sys.prefix.encode()).hexdigest()[:8]}"
DISPLAY = "Python 3 (SkyMath)"


class OwnKernels(KernelSpecManager):
    """Knows the kernel of this interpreter alone, by the two names that our notebooks have for
    it.
    """

    def find_kernel_specs(self) -> dict[str, str]:
        return dict.fromkeys((NATIVE_KERNEL_NAME, NAME), str(kernelspec.RESOURCES))

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name not in self.find_kernel_specs():
            raise NoSuchKernel(kernel_name)
        return KernelSpec(resource_dir=str(kernelspec.RESOURCES), **kernelspec.get_kernel_dict())


class OwnKernelManager(AsyncKernelManager):
    """Starts this interpreter's kernel."""

    def _kernel_spec_manager_default(self) -> OwnKernels:
        return OwnKernels()


def installed() -> dict[str, str]:
    """A notebook's `kernelspec` that starts this interpreter in any JupyterLab that finds it, and
    no other one anywhere.

    It is written where it is not there yet: into this environment, or for the user where the
    environment is read-only.
    """
    spec = json.dumps(kernelspec.get_kernel_dict() | {"display_name": DISPLAY}, indent=1)
    folders = (
        Path(sys.prefix, "share", "jupyter", "kernels"),
        Path(KernelSpecManager().user_kernel_dir),
    )
    places = [folder / NAME / "kernel.json" for folder in folders]
    if not any(place.is_file() and place.read_text(encoding="utf-8") == spec for place in places):
        try:
            disk.save(places[0], spec)
        except OSError:
            disk.save(places[1], spec)
    return {"display_name": DISPLAY, "language": "python", "name": NAME}
