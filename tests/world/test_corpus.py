"""What the bases read holds nothing of the test split.

Shown by reading documents back, without the code that filtered them.
"""

import ast
import re
from fractions import Fraction

import pytest

from skymath_nb import world
from skymath_nb.world import corpus, problem

OPERATIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
EQUATION = re.compile(r"((?:gcd|lcm)\(\d+, \d+\)|\d+ \* \d+ / 100|\d+ [-+*/%] \d+) = \d")
EVERY_KIND = dict.fromkeys(corpus.KINDS, 1)


def parse(text, names):
    """Infix text as nested tuples; names stand for what they were assigned, x for None."""

    def walk(node):
        match node:
            case ast.Constant(value=value):
                return Fraction(value)
            case ast.Name(id="x"):
                return None
            case ast.Name(id=name):
                return names[name]
            case ast.BinOp(
                left=ast.BinOp(left=right, op=ast.Mult(), right=left),
                op=ast.Div(),
                right=ast.Constant(value=100),
            ):
                return ("pct", walk(left), walk(right))
            case ast.BinOp(left=left, op=operation, right=right):
                return (OPERATIONS[type(operation)], walk(left), walk(right))
            case ast.Call(func=ast.Name(id=name), args=[left, right]):
                return (name, walk(left), walk(right))
        raise AssertionError(text)

    return walk(ast.parse(text, mode="eval").body)


def parts(expression):
    if isinstance(expression, tuple):
        yield expression
        for child in expression[1:]:
            yield from parts(child)


def unknowns(expression):
    return (
        sum(map(unknowns, expression[1:])) if isinstance(expression, tuple) else expression is None
    )


def graphs(document):
    """Keys of every graph that a document spells out, and whether it holds a problem of the
    world.
    """
    keys, names, told = set(), {}, False
    for line in document.split("\n"):
        if line.startswith("The answer is"):
            continue
        if (key := world.key(line)) is not None:
            keys.add(key)
            told = True
            continue
        keys |= {problem.canonical(parse(found, {})) for found in EQUATION.findall(line)}
        if EQUATION.search(line):
            continue
        if assigned := re.fullmatch(r"(\w) = (.+)", line):
            name, text = assigned.groups()
            if text == "?":
                keys |= set(map(problem.canonical, parts(names[name])))
            else:
                names[name] = parse(text, names)
        elif not re.search(r"[A-Z\u4e00-\u9fff]", line):
            left, _, given = line.partition(" = ")
            expression = parse(left, {})
            if unknowns(expression):
                expression = problem.invert(expression, Fraction(int(given)))
            keys |= set(map(problem.canonical, parts(expression)))
    return keys, told


def read(n, mix=EVERY_KIND):
    stream = corpus.documents(0, 12345, mix)
    return [next(stream) for _ in range(n)]


def of_benchmarks():
    # with 0 to 5 distractors the graphs are those of world-test
    names = [name for name in world.BENCHMARKS if not name[-1].isdigit()]
    return {key for name in names for key in world.benchmark(name, 200)["problem"].map(world.key)}


@pytest.mark.long
def test_no_document_holds_a_graph_of_a_benchmark_or_of_a_held_out_split():
    benchmarks, seen = of_benchmarks(), set()
    for document in read(6000):
        keys, told = graphs(document)
        assert keys, document
        assert {world.split_of(key) for key in keys} == {"train"}, document
        assert not keys & benchmarks, document
        assert not (told and "The answer is" in document), f"a solved problem: {document}"
        seen |= keys
    assert len(seen) > 8000


@pytest.mark.parametrize("kind", corpus.KINDS)
def test_without_the_filter_every_kind_would_show_the_test_split(kind, monkeypatch):
    monkeypatch.setattr(corpus, "allowed", lambda key: True)
    splits = {
        world.split_of(key) for document in read(300, {kind: 1}) for key in graphs(document)[0]
    }
    assert splits == {"train", "dev", "test"}


def test_inverse_graphs_of_the_backward_benchmark_are_kept_out_by_name():
    backward = world.benchmark("world-backward", 60)["problem"].map(world.key)
    assert set(backward) <= corpus.kept_out()
    # their split would not keep them out
    assert {world.split_of(key) for key in backward} == {"train", "dev", "test"}


def test_worked_arithmetic_is_right():
    for document in read(500, {"chains": 1, "programs": 1, "equations": 1}):
        for left, right in re.findall(r"(?<!\* )(?<!\d)(\d+ [-+*/%] \d+) = (\d+)", document):
            first, operation, second = left.split()
            assert problem.operate(operation, Fraction(first), Fraction(second)) == int(right), (
                document
            )


def test_a_program_names_its_quantities_and_asks_for_one():
    programs = read(200, {"programs": 1})
    assert all(len(re.findall(r"^\w = \?$", program, re.M)) == 1 for program in programs)


def test_streams_are_independent_and_repeatable():
    first, again, other = (corpus.documents(0, index, EVERY_KIND) for index in (1, 1, 2))
    one, two, three = ([next(stream) for _ in range(20)] for stream in (first, again, other))
    assert one == two != three
