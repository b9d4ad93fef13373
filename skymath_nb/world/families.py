"""The sentences of the world: what each one says in two languages, and what it means as arithmetic.

A `Kind` is one kind of sentence. Its `meaning` is a line of assignments over registers (`v` is the
running value) and its own numbers `a`, `b`, `c`; its forms are the ways to word it. Slots:
lower-case letters are numbers, `P` the main person, `Q` a bystander, `O` and `N` the previous and
the next person of a chain of comparisons, `I` the thing counted. A family is an opening, some
events from its groups, and a question. Everything else in `world/` is derived from this table.
"""

from dataclasses import dataclass, field

PERSONS = {
    "en": ("Tom", "Ann", "Ben", "Lucy", "Sam", "Mia", "Jack", "Emma", "Leo", "Nina"),
    "zh": ("小明", "小红", "小刚", "小丽", "小华", "小军", "小芳", "小强", "小玲", "小东"),
}
ITEMS = {
    "en": (
        "apples",
        "pens",
        "cards",
        "stamps",
        "marbles",
        "coins",
        "cookies",
        "eggs",
        "balls",
        "stickers",
    ),
    "zh": ("苹果", "钢笔", "卡片", "邮票", "弹珠", "硬币", "饼干", "鸡蛋", "皮球", "贴纸"),
}

# a person and a thing are numbers until they are worded
PEOPLE, THINGS = range(len(PERSONS["en"])), range(len(ITEMS["en"]))

SMALL = tuple(range(2, 10))
MEDIUM = tuple(range(2, 21))
START = tuple(range(4, 61))
PERCENTS = (10, 20, 25, 50)
PARTS = ((1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (2, 5), (3, 5), (4, 5))


@dataclass(frozen=True)
class Kind:
    """One kind of sentence.

    Role (open, event, ask, noise), meaning, forms by language, and what its numbers are drawn from.
    """

    role: str
    meaning: str
    en: tuple[str, ...]
    zh: tuple[str, ...]
    numbers: dict = field(default_factory=dict)
    # of a question: the same as a statement with the answer {r}
    state: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """One family of problems.

    Which groups of events may follow its opening, and in which split it lives.
    """

    events: tuple[str, ...]
    unseen: bool = False  # never drawn for training: measures transfer to a new kind of story
    reverse: bool = False  # the events are told before the value they lead to, and undone to solve
    story: bool = True  # which distractors fit


def _event(meaning, en, zh, **numbers):
    return Kind("event", meaning, tuple(en), tuple(zh), numbers or {"a": MEDIUM})


def _open(meaning, en, zh, **numbers):
    return Kind("open", meaning, tuple(en), tuple(zh), numbers or {"a": START})


def _ask(meaning, en, zh, state_en, state_zh, **numbers):
    return Kind("ask", meaning, tuple(en), tuple(zh), numbers, {"en": state_en, "zh": state_zh})


def _noise(en, zh, **numbers):
    return Kind("noise", "", tuple(en), tuple(zh), numbers or {"a": MEDIUM})


GROUPS: dict[str, dict[str, Kind]] = {
    "things": {
        "gain": _event("v = v + a",
            ["{P} gets {a} more {I}.", "A friend gives {P} another {a} {I}.", "Then {P} finds {a} {I}."],
            ["{P}又得到{a}个{I}。", "朋友又给了{P}{a}个{I}。", "后来{P}捡到{a}个{I}。"]),
        "lose": _event("v = v - a",
            ["{P} gives away {a} {I}.", "{P} loses {a} of the {I}.", "Then {P} sells {a} {I}."],
            ["{P}送出{a}个{I}。", "{P}丢了{a}个{I}。", "后来{P}卖掉{a}个{I}。"]),
        "times": _event("v = v * a",
            ["Soon {P} has {a} times as many {I} as before.", "{P} collects on until the number of {I} is {a} times as large."],
            ["不久{P}的{I}变成原来的{a}倍。", "{P}继续收集，{I}的数量变为{a}倍。"], a=SMALL),
        "share": _event("v = v / a",
            ["{P} puts the {I} into {a} equal piles and keeps one pile.", "{P} shares the {I} equally among {a} children and keeps one share."],
            ["{P}把{I}平均分成{a}堆，只留一堆。", "{P}把{I}平均分给{a}个孩子，自己留一份。"], a=SMALL),
    },
    "money": {
        "earn": _event("v = v + a",
            ["{P} earns another {a} dollars.", "Then {P} gets {a} dollars from an uncle."],
            ["{P}又挣了{a}元。", "后来{P}从叔叔那里得到{a}元。"]),
        "spend": _event("v = v - a",
            ["{P} spends {a} dollars on a book.", "Then {P} pays {a} dollars for lunch."],
            ["{P}花{a}元买了一本书。", "后来{P}付了{a}元午饭钱。"]),
        "grow": _event("v = v * a",
            ["After some years the money is worth {a} times as much.", "The amount of money becomes {a} times as large."],
            ["几年后这笔钱变成原来的{a}倍。", "这笔钱的数额变为{a}倍。"], a=SMALL),
        "divide": _event("v = v / a",
            ["The money is split equally among {a} people and {P} takes one part.", "{P} keeps only one of {a} equal parts of the money."],
            ["这笔钱平均分给{a}个人，{P}拿一份。", "{P}只留下这笔钱平均分成{a}份中的一份。"], a=SMALL),
    },
    "bill": {
        "extra": _event("v = v + a",
            ["Packing adds {a} dollars to the bill of {P}.", "{P} also takes a bag for {a} dollars."],
            ["包装费使{P}的账单增加{a}元。", "{P}还拿了一个{a}元的袋子。"]),
        "coupon": _event("v = v - a",
            ["A coupon takes {a} dollars off the bill.", "The seller lowers the bill by {a} dollars."],
            ["优惠券使账单减少{a}元。", "店主把账单减去{a}元。"]),
        "repeat": _event("v = v * a",
            ["{P} places the same order on {a} days.", "The order of {P} is repeated until it has been placed {a} times."],
            ["{P}在{a}天里每天都下同样的订单。", "{P}的订单一共下了{a}次。"], a=SMALL),
        "friends": _event("v = v / a",
            ["{a} friends split the bill equally, and {P} is one of them.", "The bill is shared equally by {a} people, one of them {P}."],
            ["{a}个朋友平分账单，{P}是其中之一。", "账单由{a}个人平摊，其中一人是{P}。"], a=SMALL),
    },
    "number": {
        "plus": _event("v = v + a", ["Add {a} to it.", "Then increase the number by {a}."], ["再加上{a}。", "然后把这个数增加{a}。"]),
        "minus": _event("v = v - a", ["Subtract {a} from it.", "Then decrease the number by {a}."], ["再减去{a}。", "然后把这个数减少{a}。"]),
        "by": _event("v = v * a", ["Multiply it by {a}.", "Then take {a} times the number."], ["再乘以{a}。", "然后取这个数的{a}倍。"], a=SMALL),
        "over": _event("v = v / a", ["Divide it by {a}.", "Then split the number into {a} equal parts and take one."],
            ["再除以{a}。", "然后把这个数平均分成{a}份取一份。"], a=SMALL),
    },
    "undo": {  # told forwards, solved backwards: the meaning is the step that undoes the sentence
        "plus": _event("v = v - a", ["I add {a} to my number.", "Next, {a} is added."], ["我给这个数加上{a}。", "接着加了{a}。"]),
        "minus": _event("v = v + a", ["I subtract {a} from my number.", "Next, {a} is taken away."], ["我从这个数中减去{a}。", "接着减了{a}。"]),
        "by": _event("v = v / a", ["I multiply my number by {a}.", "Next, everything is taken {a} times."], ["我把这个数乘以{a}。", "接着取了{a}倍。"], a=SMALL),
        "over": _event("v = v * a", ["I divide my number by {a}.", "Next, one of {a} equal parts is kept."], ["我把这个数除以{a}。", "接着平均分成{a}份，只留一份。"], a=SMALL),
    },
    "compare": {
        "more": _event("v = v + a", ["{N} owns {a} more {I} than {O}.", "{N} has as many {I} as {O} and {a} extra."],
            ["{N}比{O}多{a}个{I}。", "{N}的{I}和{O}一样多，另外还有{a}个。"]),
        "fewer": _event("v = v - a", ["{N} owns {a} fewer {I} than {O}.", "{O} has {a} {I} more than {N}."],
            ["{N}比{O}少{a}个{I}。", "{O}的{I}比{N}多出{a}个。"]),
        "times": _event("v = v * a", ["{N} owns {a} times as many {I} as {O}.", "For each of the {I} of {O}, {N} has {a}."],
            ["{N}的{I}是{O}的{a}倍。", "{O}每有一个{I}，{N}就有{a}个。"], a=SMALL),
        "part": _event("v = v / a", ["{O} owns {a} times as many {I} as {N} does.", "{N} has one out of every {a} {I} that {O} counts."],
            ["{O}拥有的{I}等于{N}的{a}倍。", "{O}每数{a}个{I}，{N}才有一个。"], a=SMALL),
    },
    "age": {
        "older": _event("v = v + a", ["{N} is {a} years older than {O}.", "{O} was born {a} years after {N}."], ["{N}比{O}大{a}岁。", "{O}比{N}晚出生{a}年。"]),
        "younger": _event("v = v - a", ["{N} is {a} years younger than {O}.", "{O} was born {a} years before {N}."], ["{N}比{O}小{a}岁。", "{O}比{N}早出生{a}年。"]),
        "times": _event("v = v * a", ["{N} is {a} times as old as {O}."], ["{N}的年龄是{O}的{a}倍。"], a=(2, 3, 4)),
        "part": _event("v = v / a", ["{O} is exactly {a} times as old as {N}."], ["{O}的年龄正好是{N}的{a}倍。"], a=(2, 3, 4)),
    },
    "ride": {
        "on": _event("v = v + a", ["At the next stop {a} people get on.", "{a} new passengers join."], ["下一站上来{a}人。", "又有{a}名新乘客上车。"]),
        "off": _event("v = v - a", ["At the next stop {a} people get off.", "{a} passengers leave."], ["下一站下去{a}人。", "有{a}名乘客离开。"]),
        "fill": _event("v = v * a", ["At the market the number of passengers becomes {a} times as large."], ["到了市场，乘客人数变为{a}倍。"], a=SMALL),
        "empty": _event("v = v / a", ["At the school only one in {a} passengers stays."], ["到了学校，每{a}名乘客只留下一名。"], a=SMALL),
    },
    "road": {
        "on": _event("v = v + a", ["It goes on for {a} kilometers.", "Then it covers {a} more kilometers."], ["它又前进{a}公里。", "然后再走{a}公里。"]),
        "back": _event("v = v - a", ["It turns round and comes back {a} kilometers.", "Then it returns {a} kilometers towards the start."],
            ["它掉头往回走{a}公里。", "然后朝起点返回{a}公里。"]),
        "again": _event("v = v * a", ["The same distance is covered on each of {a} days in one direction."], ["连续{a}天每天朝同一方向走同样的路程。"], a=SMALL),
    },
    "factory": {
        "broken": _event("v = v - a", ["{a} of the {I} are broken and thrown away.", "A check removes {a} bad {I}."], ["其中{a}个{I}坏了被扔掉。", "检查时去掉{a}个不好的{I}。"]),
        "stock": _event("v = v + a", ["{a} {I} from the store are added.", "The workers bring {a} further {I}."], ["仓库里的{a}个{I}也加进来。", "工人又拿来{a}个{I}。"]),
        "lines": _event("v = v * a", ["{a} such machines do the same."], ["{a}台这样的机器都这样做。"], a=SMALL),
        "pack": _event("v = v / a", ["They are spread evenly over {a} shops, and we look at one shop."], ["它们平均分给{a}家商店，我们只看一家。"], a=SMALL),
    },
    "sides": {
        "longer": _event("x = x + a", ["The length grows by {a} meters.", "It is made {a} meters longer."], ["长增加{a}米。", "把它加长{a}米。"]),
        "shorter": _event("x = x - a", ["The length shrinks by {a} meters.", "It is made {a} meters shorter."], ["长减少{a}米。", "把它缩短{a}米。"]),
        "wider": _event("y = y + a", ["The width grows by {a} meters.", "It is made {a} meters wider."], ["宽增加{a}米。", "把它加宽{a}米。"]),
        "stretch": _event("x = x * a", ["The length becomes {a} times as long."], ["长变为原来的{a}倍。"], a=(2, 3, 4)),
    },
    "price": {
        "up": _event("v = v + pct(a, v)", ["The price goes up by {a}%.", "A tax of {a}% is added."], ["价格上涨{a}%。", "加上{a}%的税。"], a=PERCENTS),
        "down": _event("v = v - pct(a, v)", ["The price falls by {a}%.", "In the sale it is {a}% cheaper."], ["价格下降{a}%。", "促销时便宜{a}%。"], a=PERCENTS),
        "fee": _event("v = v + a", ["Delivery costs {a} dollars more.", "{a} dollars are added for the service."], ["送货另加{a}元。", "服务费加{a}元。"]),
        "cut": _event("v = v - a", ["The shop takes {a} dollars off.", "A card saves {a} dollars."], ["商店减免{a}元。", "用卡节省{a}元。"]),
        "many": _event("v = v * a", ["A club buys {a} of them.", "{a} pieces are ordered at that price."], ["俱乐部买了{a}件。", "按这个价格订了{a}件。"], a=SMALL),
    },
    "crowd": {
        "stay": _event("v = v / c * b", ["Only {b}/{c} of them stay.", "{b}/{c} of them remain."], ["只有{b}/{c}的人留下。", "剩下其中的{b}/{c}。"], **{"b/c": PARTS}),
        "leave": _event("v = v - v / c * b", ["{b}/{c} of them go home.", "Later {b}/{c} of them leave."], ["有{b}/{c}的人回家。", "后来{b}/{c}的人离开。"], **{"b/c": PARTS}),
        "come": _event("v = v + a", ["{a} more arrive.", "Then {a} others come in."], ["又来了{a}人。", "然后另有{a}人进来。"]),
        "go": _event("v = v - a", ["{a} are called away.", "Then {a} walk out."], ["有{a}人被叫走。", "然后{a}人走出去。"]),
    },
    "choice": {
        "factor": _event("v = v * a", ["There are also {a} hats to choose from.", "With each of these go {a} kinds of shoes."], ["另外还有{a}顶帽子可选。", "每一种又可配{a}种鞋。"], a=SMALL),
        "bad": _event("v = v - a", ["{a} of the combinations look bad and do not count.", "We leave out {a} combinations."], ["其中{a}种搭配不好看，不算。", "我们去掉{a}种搭配。"]),
        "new": _event("v = v + a", ["{a} special combinations are added.", "We allow {a} extra combinations."], ["另加{a}种特别搭配。", "我们再允许{a}种搭配。"]),
    },
    "bags": {
        "buy": _event("v = v + a", ["Another {a} full bags are put on the table.", "A helper fills {a} bags more."], ["桌上又放了{a}个满袋。", "帮手又装了{a}袋。"]),
        "gone": _event("v = v - a", ["{a} bags are taken away.", "A dog tears {a} of the bags."], ["有{a}袋被拿走。", "狗咬破了{a}袋。"]),
        "worth": _event("v = v * a", ["Every bag is exchanged for {a} smaller ones."], ["每袋换成{a}个小袋。"], a=SMALL),
    },
    "tank": {
        "in": _event("v = v + a", ["{a} liters of water flow in.", "Rain brings {a} liters."], ["流进{a}升水。", "下雨带来{a}升。"]),
        "out": _event("v = v - a", ["{a} liters of water flow out.", "A leak lets out {a} liters."], ["流出{a}升水。", "漏掉{a}升。"]),
        "pump": _event("v = v * a", ["A pump makes the amount of water {a} times as large."], ["水泵使水量变为{a}倍。"], a=SMALL),
        "drain": _event("v = v / a", ["The water is spread evenly over {a} tanks, and we look at one tank."], ["水平均分到{a}个水箱，我们只看一个。"], a=SMALL),
    },
    "shelf": {
        "back": _event("v = v + a", ["Readers bring back {a} books.", "The library buys {a} new books."], ["读者还回{a}本书。", "图书馆新买{a}本书。"]),
        "lent": _event("v = v - a", ["Readers borrow {a} books.", "{a} old books are removed."], ["读者借走{a}本书。", "清理掉{a}本旧书。"]),
        "rooms": _event("v = v * a", ["{a} rooms are filled in the same way."], ["{a}个房间都这样摆满。"], a=SMALL),
    },
    "plants": {
        "die": _event("v = v - a", ["{a} plants dry up.", "Rabbits eat {a} plants."], ["有{a}棵干枯了。", "兔子吃掉{a}棵。"]),
        "sow": _event("v = v + a", ["The gardener sets {a} further plants.", "{a} plants come up by themselves."], ["园丁又种下{a}棵。", "自己长出{a}棵。"]),
        "beds": _event("v = v * a", ["{a} gardens are planted like this one."], ["{a}个花园都这样种。"], a=SMALL),
    },
}  # fmt: skip

FAMILIES: dict[str, tuple[Family, dict[str, Kind]]] = {
    "belongings": (Family(("things",)), {
        "has": _open("v = a", ["{P} has {a} {I}.", "At first {P} has {a} {I}.", "There are {a} {I} on the desk of {P}."],
            ["{P}有{a}个{I}。", "起初{P}有{a}个{I}。", "{P}的书桌上有{a}个{I}。"]),
        "boxes": _open("v = a * b", ["{P} has {a} boxes with {b} {I} in each.", "{P} fills {a} boxes with {b} {I} each."],
            ["{P}有{a}个盒子，每盒装{b}个{I}。", "{P}装满{a}盒，每盒{b}个{I}。"], a=SMALL, b=SMALL),
        "now": _ask("v", ["How many {I} does {P} have now?", "How many {I} are left with {P} at the end?"],
            ["{P}现在有多少个{I}？", "最后{P}手里有多少个{I}？"], "{P} ends up with {r} {I}.", "{P}最后共有{r}个{I}。"),
    }),
    "comparison": (Family(("compare",)), {
        "owns": _open("v = a; s = a", ["{P} owns {a} {I}.", "In the bag of {P} there are {a} {I}."], ["{P}拥有{a}个{I}。", "{P}的包里有{a}个{I}。"]),
        "last": _ask("v", ["How many {I} does {O} own?", "What is the number of {I} of {O}?"], ["{O}拥有多少个{I}？", "{O}的{I}一共是多少个？"],
            "{O} owns {r} {I} in all.", "{O}一共拥有{r}个{I}。"),
        "together": _ask("s + v", ["How many {I} do {P} and {O} own together?"], ["{P}和{O}合起来拥有多少个{I}？"],
            "{P} and {O} own {r} {I} together.", "{P}和{O}合起来拥有{r}个{I}。"),
    }),
    "ages": (Family(("age",)), {
        "is": _open("v = a; s = a", ["{P} is {a} years old.", "This year {P} turns {a}."], ["{P}今年{a}岁。", "今年{P}满{a}岁。"], a=tuple(range(4, 41))),
        "old": _ask("v", ["How old is {O}?", "What is the age of {O}?"], ["{O}多少岁？", "{O}的年龄是多少？"], "The age of {O} is {r}.", "{O}的年龄是{r}。"),
        "later": _ask("v + a", ["How old will {O} be in {a} years?"], ["再过{a}年{O}多少岁？"], "In {a} years {O} will be {r} years old.", "再过{a}年{O}是{r}岁。", a=MEDIUM),
        "sum": _ask("s + v", ["How old are {P} and {O} together?"], ["{P}和{O}的年龄和是多少？"], "The ages of {P} and {O} add up to {r}.", "{P}和{O}的年龄和是{r}。"),
    }),
    "bus": (Family(("ride",)), {
        "leaves": _open("v = a", ["A bus leaves with {a} passengers.", "There are {a} passengers on a bus."], ["一辆公交车载着{a}名乘客出发。", "一辆公交车上有{a}名乘客。"]),
        "rows": _open("v = a * b", ["On a bus {a} rows of seats with {b} passengers each are taken."], ["公交车上坐了{a}排，每排{b}名乘客。"], a=SMALL, b=SMALL),
        "aboard": _ask("v", ["How many passengers are on the bus now?", "How many people does the bus carry at the end?"], ["现在车上有多少名乘客？", "最后公交车载着多少人？"],
            "Now the bus carries {r} people.", "现在公交车载着{r}人。"),
    }),
    "shopping": (Family(("bill",)), {
        "buys": _open("v = a * b", ["{P} buys {a} {I} for {b} dollars each.", "{P} orders {a} {I}, and each costs {b} dollars."],
            ["{P}买了{a}个{I}，每个{b}元。", "{P}订了{a}个{I}，单价{b}元。"], a=SMALL, b=MEDIUM),
        "basket": _open("v = a", ["{P} buys {I} for {a} dollars.", "The {I} of {P} cost {a} dollars in all."], ["{P}买{I}花了{a}元。", "{P}的{I}一共{a}元。"]),
        "pays": _ask("v", ["How many dollars does {P} have to pay?", "What does {P} pay in the end?"], ["{P}要付多少元？", "最后{P}付多少钱？"],
            "In the end {P} pays {r} dollars.", "最后{P}付{r}元。"),
        "change": _ask("a - v", ["How much change does {P} get from {a} dollars?"], ["{P}付{a}元，找回多少元？"],
            "From {a} dollars {P} gets {r} dollars back.", "{P}付{a}元，找回{r}元。", a=(100, 200)),
    }),
    "savings": (Family(("money",)), {
        "weekly": _open("v = a * b", ["{P} saves {a} dollars a week for {b} weeks.", "For {b} weeks {P} puts {a} dollars aside each week."],
            ["{P}每周存{a}元，存了{b}周。", "{P}连续{b}周每周存下{a}元。"], a=MEDIUM, b=SMALL),
        "purse": _open("v = a", ["{P} has {a} dollars in a purse.", "There are {a} dollars in the account of {P}."], ["{P}的钱包里有{a}元。", "{P}的账户里有{a}元。"]),
        "left": _ask("v", ["How many dollars does {P} have now?", "How much money is left for {P}?"], ["{P}现在有多少元？", "{P}还剩多少钱？"],
            "{P} has {r} dollars left.", "{P}还剩{r}元。"),
    }),
    "travel": (Family(("road",)), {
        "drives": _open("v = a * b", ["A car drives at {a} kilometers per hour for {b} hours.", "For {b} hours a car travels {a} kilometers each hour."],
            ["一辆汽车以每小时{a}公里的速度行驶{b}小时。", "一辆汽车行驶{b}小时，每小时{a}公里。"], a=tuple(range(10, 61, 5)), b=SMALL),
        "walks": _open("v = a", ["A hiker walks {a} kilometers.", "On the first day a hiker covers {a} kilometers."], ["一名徒步者走了{a}公里。", "第一天一名徒步者走{a}公里。"]),
        "far": _ask("v", ["How many kilometers is it from the start now?", "How far from the start does the trip end?"], ["现在离起点多少公里？", "旅程结束时离起点多远？"],
            "Now it is {r} kilometers from the start.", "现在离起点{r}公里。"),
        "hours": _ask("v / a", ["How many hours would the way straight back take at {a} kilometers per hour?"], ["以每小时{a}公里直接返回需要多少小时？"],
            "At {a} kilometers per hour the way straight back takes {r} hours.", "以每小时{a}公里直接返回需要{r}小时。", a=(2, 3, 4, 5, 10, 20)),
    }),
    "work": (Family(("factory",)), {
        "makes": _open("v = a * b", ["A machine makes {a} {I} per hour and runs for {b} hours.", "Working {b} hours, a machine makes {a} {I} every hour."],
            ["一台机器每小时生产{a}个{I}，运转{b}小时。", "一台机器工作{b}小时，每小时做{a}个{I}。"], a=MEDIUM, b=SMALL),
        "batch": _open("v = a", ["A machine makes {a} {I} in a day.", "One machine turns out {a} {I} today."], ["一台机器一天生产{a}个{I}。", "今天一台机器做出{a}个{I}。"]),
        "good": _ask("v", ["How many {I} are there in the end?", "How many {I} can be counted then?"], ["最后有多少个{I}？", "这时能数出多少个{I}？"],
            "In the end {r} {I} can be counted.", "最后能数出{r}个{I}。"),
    }),
    "rectangle": (Family(("sides",), story=False), {
        "field": _open("x = a; y = b", ["A field is {a} meters long and {b} meters wide.", "A rectangle has length {a} meters and width {b} meters."],
            ["一块地长{a}米，宽{b}米。", "一个长方形的长是{a}米，宽是{b}米。"], a=MEDIUM, b=SMALL),
        "square": _open("x = a; y = a", ["A square has sides of {a} meters.", "A field is a square with side {a} meters."], ["一个正方形的边长是{a}米。", "一块地是边长{a}米的正方形。"], a=SMALL),
        "area": _ask("x * y", ["What is its area in square meters?", "How many square meters does it cover?"], ["它的面积是多少平方米？", "它占地多少平方米？"],
            "Its area is {r} square meters.", "它的面积是{r}平方米。"),
        "fence": _ask("(x + y) * 2", ["How many meters of fence go round it?", "What is its perimeter in meters?"], ["围一圈需要多少米篱笆？", "它的周长是多少米？"],
            "Its perimeter is {r} meters.", "它的周长是{r}米。"),
    }),
    "cuboid": (Family(("number",), story=False), {
        "cuboid": _open("v = a * b * c", ["A box is {a} cm long, {b} cm wide and {c} cm high, and its volume is our number."],
            ["一个盒子长{a}厘米、宽{b}厘米、高{c}厘米，它的体积是我们的数。"], a=SMALL, b=SMALL, c=(2, 3, 4)),
        "triangle": _open("v = a * b / 2", ["A triangle has base {a} cm and height {b} cm, and its area is our number."],
            ["一个三角形底{a}厘米、高{b}厘米，它的面积是我们的数。"], a=MEDIUM, b=SMALL),
        "side": _open("v = a * a", ["The area of a square with side {a} cm is our number."], ["边长{a}厘米的正方形的面积是我们的数。"], a=SMALL),
        "size": _ask("v", ["Which number do we reach?", "What number comes out of the shape?"], ["我们得到哪个数？", "由这个图形得出的数是多少？"],
            "We reach the number {r}.", "我们得到的数是{r}。"),
    }),
    "percentage": (Family(("price",)), {
        "costs": _open("v = a", ["A coat costs {a} dollars.", "The price of a bicycle is {a} dollars."], ["一件外套售价{a}元。", "一辆自行车的价格是{a}元。"], a=tuple(range(20, 201, 20))),
        "half": _open("v = pct(b, a)", ["A coat is sold for {b}% of its old price of {a} dollars."], ["一件外套按原价{a}元的{b}%出售。"], a=tuple(range(20, 201, 20)), b=PERCENTS),
        "cost": _ask("v", ["How many dollars have to be paid?", "What is the price in the end?"], ["一共要付多少元？", "最后的价格是多少？"],
            "The price in the end is {r} dollars.", "最后的价格是{r}元。"),
    }),
    "fractions": (Family(("crowd",)), {
        "school": _open("v = a", ["There are {a} pupils in the hall.", "{a} guests are at a feast."], ["大厅里有{a}名学生。", "宴会上有{a}名客人。"], a=tuple(range(6, 121, 6))),
        "tables": _open("v = a * b", ["There are {a} tables with {b} guests at each."], ["有{a}张桌子，每桌{b}名客人。"], a=SMALL, b=SMALL),
        "remain": _ask("v", ["How many of them are there now?", "How many persons are still there?"], ["现在还有多少人？", "还在的有多少人？"],
            "In the end {r} persons are still there.", "最后还在的有{r}人。"),
    }),
    "divisors": (Family(("number",), story=False), {
        "mod": _open("v = a % b", ["Take the remainder of {a} divided by {b}.", "Start with what is left when {a} is divided by {b}."],
            ["取{a}除以{b}的余数。", "从{a}除以{b}剩下的数开始。"], a=tuple(range(11, 100)), b=SMALL),
        "gcd": _open("v = gcd(a, b)", ["Take the greatest common divisor of {a} and {b}."], ["取{a}和{b}的最大公因数。"], a=tuple(range(4, 61, 2)), b=tuple(range(6, 61, 3))),
        "lcm": _open("v = lcm(a, b)", ["Take the least common multiple of {a} and {b}."], ["取{a}和{b}的最小公倍数。"], a=MEDIUM, b=SMALL),
        "final": _ask("v", ["What is the final result?", "What do we get in the end?"], ["最后的结果是多少？", "最后得到多少？"],
            "The final result is {r}.", "最后的结果是{r}。"),
    }),
    "equation": (Family(("undo",), reverse=True, story=False), {
        "result": _open("v = a", ["The result is {a}.", "Now I have {a}."], ["结果是{a}。", "现在得到{a}。"]),
        "think": _ask("v", ["Which number did I think of?", "What was my number?"], ["我想的数是几？", "原来的数是多少？"], "My number was {r}.", "我原来的数是{r}。"),
    }),
    "system": (Family(("number",), story=False), {
        "larger": _open("v = (a + b) / 2", ["Two numbers have sum {a} and difference {b}, and we take the larger one."], ["两个数的和是{a}，差是{b}，取较大的数。"], a=START, b=MEDIUM),
        "smaller": _open("v = (a - b) / 2", ["Two numbers have sum {a} and difference {b}, and we take the smaller one."], ["两个数的和是{a}，差是{b}，取较小的数。"], a=START, b=MEDIUM),
        "other": _open("v = a - b", ["Two numbers have sum {a}, one of them is {b}, and we take the other."], ["两个数的和是{a}，其中一个是{b}，取另一个。"], a=START, b=MEDIUM),
        "value": _ask("v", ["What value do we find?", "Which value comes out?"], ["求出的值是多少？", "得出哪个值？"], "The value we find is {r}.", "求出的值是{r}。"),
    }),
    "sequence": (Family(("number",), story=False), {
        "term": _open("v = a + (c - 1) * b", ["A sequence starts with {a}, each term is {b} larger than the one before, and we take term number {c}."],
            ["一个数列从{a}开始，每一项比前一项大{b}，取第{c}项。"], a=MEDIUM, b=SMALL, c=tuple(range(3, 11))),
        "next": _open("v = a + b", ["A sequence grows by {b} each time, and we take the term after {a}."], ["一个数列每次增加{b}，取{a}后面的一项。"], a=START, b=MEDIUM),
        "double": _open("v = a * b", ["In a sequence each term is {b} times the one before, and we take the term after {a}."], ["一个数列每一项是前一项的{b}倍，取{a}后面的一项。"], a=MEDIUM, b=(2, 3, 4)),
        "reach": _ask("v", ["What do we arrive at?", "At which number do we arrive?"], ["我们最后到达哪个数？", "最终到达的数是多少？"], "We arrive at {r}.", "我们最后到达{r}。"),
    }),
    "counting": (Family(("choice",)), {
        "clothes": _open("v = a * b", ["{P} combines {a} shirts with {b} pairs of trousers.", "{P} chooses one of {a} shirts and one of {b} pairs of trousers."],
            ["{P}用{a}件衬衫搭配{b}条裤子。", "{P}从{a}件衬衫和{b}条裤子中各选一件。"], a=SMALL, b=SMALL),
        "pairs": _open("v = a * (a - 1) / 2", ["{P} picks two out of {a} scarves in any order."], ["{P}从{a}条围巾中不计顺序选两条。"], a=tuple(range(3, 13))),
        "ways": _ask("v", ["How many combinations are possible?", "In how many ways can one choose?"], ["一共有多少种搭配？", "有多少种选法？"],
            "There are {r} possible combinations.", "一共有{r}种搭配可选。"),
    }),
    "sharing": (Family(("bags",)), {
        "bags": _open("v = a / b", ["{P} packs {a} {I} into bags of {b}.", "{a} {I} are packed by {P}, {b} into each bag."], ["{P}把{a}个{I}装袋，每袋{b}个。", "{a}个{I}由{P}按每袋{b}个装好。"], a=tuple(range(6, 121)), b=SMALL),
        "some": _open("v = a", ["{P} has packed {a} bags of {I}."], ["{P}装好了{a}袋{I}。"]),
        "count": _ask("v", ["How many bags are there at the end?", "How many bags can we count?"], ["最后有多少袋？", "我们能数出多少袋？"],
            "At the end there are {r} bags.", "最后共有{r}袋。"),
        "sold": _ask("v * a", ["How many dollars do all the bags bring at {a} dollars each?"], ["每袋卖{a}元，一共卖多少元？"], "At {a} dollars each the bags bring {r} dollars.", "每袋卖{a}元，一共卖{r}元。", a=SMALL),
    }),
    "tank": (Family(("tank",), unseen=True), {
        "holds": _open("v = a", ["A tank holds {a} liters of water."], ["一个水箱里有{a}升水。"]),
        "taps": _open("v = a * b", ["Each minute {a} liters run into a tank, and this goes on for {b} minutes."], ["水箱每分钟进水{a}升，进了{b}分钟。"], a=MEDIUM, b=SMALL),
        "liters": _ask("v", ["How many liters of water are there now?"], ["现在有多少升水？"], "Now there are {r} liters of water.", "现在共有{r}升水。"),
    }),
    "library": (Family(("shelf",), unseen=True), {
        "books": _open("v = a", ["A library has {a} books."], ["一个图书馆有{a}本书。"]),
        "shelves": _open("v = a * b", ["A library has {a} shelves with {b} books on each."], ["图书馆有{a}个书架，每架{b}本书。"], a=SMALL, b=MEDIUM),
        "stand": _ask("v", ["How many books does the library have now?"], ["图书馆现在有多少本书？"], "Now the library has {r} books.", "图书馆现在共有{r}本书。"),
    }),
    "garden": (Family(("plants",), unseen=True), {
        "beds": _open("v = a * b", ["A garden has {a} rows with {b} plants in each row."], ["一个花园有{a}行，每行{b}棵植物。"], a=SMALL, b=MEDIUM),
        "few": _open("v = a", ["There are {a} plants in a garden."], ["一个花园里有{a}棵植物。"]),
        "alive": _ask("v", ["How many plants does the garden have at last?"], ["花园最终有多少棵植物？"], "At last the garden has {r} plants.", "花园最终有{r}棵植物。"),
    }),
}  # fmt: skip

# Sentences that carry a number and change nothing; the first group speaks of people and things, the
# second of numbers.
NOISE: dict[bool, dict[str, Kind]] = {
    True: {
        "keeps": _noise(["{Q} keeps {a} {I} in a drawer.", "{Q} saw {a} {I} in a shop window."], ["{Q}的抽屉里放着{a}个{I}。", "{Q}在橱窗里看到{a}个{I}。"]),
        "warm": _noise(["It is {a} degrees outside.", "The day before it was {a} degrees warm."], ["外面的气温是{a}度。", "前一天气温是{a}度。"]),
        "street": _noise(["{Q} lives in house number {a}.", "{Q} has {a} cousins."], ["{Q}住在{a}号楼。", "{Q}有{a}个表兄弟。"]),
        "talk": _noise(["{Q} talks about it for {a} minutes.", "{Q} comes by {a} minutes later."], ["{Q}说了{a}分钟。", "{a}分钟后{Q}路过。"]),
        "cost": _noise(["{Q} once paid {a} dollars for a ticket."], ["{Q}曾花{a}元买过一张票。"]),
    },
    False: {
        "page": _noise(["This task stands on page {a} of the book.", "The pupils have {a} minutes for the task."], ["这道题在书的第{a}页。", "学生有{a}分钟做这道题。"]),
        "board": _noise(["The teacher has written {a} other numbers on the board."], ["老师在黑板上还写了{a}个别的数。"]),
        "year": _noise(["Exactly {a} pupils solved it last year.", "The color of the paper is number {a} in the box."], ["去年正好有{a}名学生做对。", "这张纸的颜色是盒子里的第{a}号。"]),
        "class": _noise(["A class of {a} children works on it."], ["一个{a}人的班级在做它。"]),
        "room": _noise(["The lesson takes place in room {a}."], ["这节课在{a}号教室上。"]),
    },
}  # fmt: skip

# A backward question masks one number of a problem as x and gives the answer away (MetaMath, arXiv
# 2309.12284, section 3).
KNOWN = {
    "en": "If the answer to this question is {r}, what is the value of the unknown number {x}?",
    "zh": "如果这道题的答案是{r}，那么未知数{x}是多少？",
}
FIND = {"en": "What is the value of the unknown number {x}?", "zh": "求未知数{x}的值是多少？"}
