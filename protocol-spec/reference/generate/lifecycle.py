"""Scripts of calls on loans, with what each call must do.

lend     the producer fills a loan: that of the image "loan" of abi.json, with other fields
check    a consumer looks at a loan without taking it
import   a consumer takes a loan over and has an array
export   a consumer that has an array lends it again, as a request asks
view     a consumer shows its array to a function that it calls
mark     says what was written to an array
write    a consumer of a loan sets its consumer_flags
move     moves a struct
release  gives a loan back
free     ends an array

"sees" is what holds after the step: how often the producer's release ran, what
consumer_flags it was told, which loans are live, what a loan says.
"""

from .common import refusal, vector
from .image import EXCLUSIVE, I_EXCLUSIVE, R_SCOPED, READ, READ_WRITE, W_ALIASED, W_READ_ONLY

HALO_VALID, COPIED, FACES = 2, 1, 16
MODIFIED, HALO_MODIFIED, HALO_REFRESHED = 1, 2, 4
HUSK = ("RELEASED", "L1", "release")


def step(do, error=None, sees=None, **arguments):
    return (
        {"do": do}
        | arguments
        | ({"error": refusal(*error)} if error else {})
        | ({"sees": sees} if sees else {})
    )


def lend(loan="a", **fields):
    return step("lend", loan=loan, **({"fields": fields} if fields else {}))


def take(loan="a", access=READ, array="x", error=None, **sees):
    return step("import", error, sees, loan=loan, access=access, array=array)


def again(loan, array="x", error=None, request=None, **sees):
    return step("export", error, sees, array=array, loan=loan, **({"request": request} if request else {}))


def give_back(loan="a", error=None, **sees):
    return step("release", error, sees, loan=loan)


def free(array="x", **sees):
    return step("free", None, sees, array=array)


def script(name, rules, *steps):
    errors = [step["error"] for step in steps if "error" in step]
    out = vector("lifecycle", name, rules, {"steps": list(steps)})
    return out | ({"valid": False, "error": errors[0]} if errors else {})


def vectors():
    return [*ends(), *moves(), *accesses(), *requests(), *writes()]


def ends():
    yield script(
        "lend-and-give-back", "L1 L2", lend(), step("check", loan="a"), give_back(released=1, live=[])
    )
    yield script("lend-take-and-free", "L2 L3", lend(), take(released=0, live=[]), free(released=1, heard=0))
    yield script(
        "use-after-release",
        "L1",
        lend(),
        give_back(released=1),
        step("check", HUSK, loan="a"),
        take(error=HUSK, released=1),
    )
    yield script(
        "release-twice",
        "L2",
        lend(),
        give_back(released=1),
        give_back(error=("RELEASED", "L2", "release"), released=1),
    )
    yield script(
        "release-of-what-was-taken",
        "L2 L3",
        lend(),
        take(),
        give_back(error=("RELEASED", "L2", "release"), released=0),
        free(released=1),
    )
    yield script("take-twice", "L1 L3", lend(), take(), take(error=HUSK, array="y"), free(released=1))
    yield script(
        "refused-and-still-live",
        "L3 L6",
        lend(flags_write=W_READ_ONLY),
        take(access=READ_WRITE, error=("ACCESS", "L6", "flags_write"), released=0, live=["a"]),
        take(live=[]),
        free(released=1),
    )
    yield script(
        "lent-again-outlives-the-array",
        "L2",
        lend(),
        take(),
        again("b"),
        free(released=0, live=["b"]),
        give_back("b", released=1),
    )
    yield script(
        "the-last-of-three-gives-back",
        "L2",
        lend(),
        take(),
        again("b"),
        again("c"),
        give_back("c", released=0),
        free(released=0),
        give_back("b", released=1),
    )
    yield script(
        "taken-from-a-borrower",
        "L2 L3",
        lend(),
        take(),
        again("b"),
        take("b", array="y"),
        free(released=0),
        free("y", released=1),
    )


def moves():
    move = lambda source, target, **sees: step("move", None, sees, loan=source, to=target)
    yield script("move-and-take", "L4", lend(), move("a", "b", live=["b"]), take("b"), free(released=1))
    yield script(
        "move-twice", "L4", lend(), move("a", "b"), move("b", "c", live=["c"]), give_back("c", released=1)
    )
    yield script(
        "use-after-move",
        "L4 L1",
        lend(),
        move("a", "b"),
        take("a", error=HUSK, live=["b"]),
        give_back("b", released=1),
    )
    yield script(
        "release-after-move",
        "L2 L4",
        lend(),
        move("a", "b"),
        give_back("a", error=("RELEASED", "L2", "release"), released=0),
        give_back("b", released=1),
    )
    yield script(
        "flags-travel-with-the-struct",
        "L4 L8",
        lend(),
        step("write", loan="a", flags=MODIFIED),
        move("a", "b"),
        give_back("b", released=1, heard=MODIFIED),
    )


def accesses():
    scoped = ("ACCESS", "L5", "flags_read")
    yield script(
        "call-scoped-used", "L5", lend(flags_read=R_SCOPED), step("check", loan="a"), give_back(released=1)
    )
    yield script(
        "call-scoped-kept-alive",
        "L5",
        lend(flags_read=R_SCOPED),
        take(error=scoped, live=["a"]),
        give_back(released=1),
    )
    yield script(
        "view-used",
        "L5",
        lend(),
        take(),
        step("view", array="x", loan="v"),
        step("check", loan="v"),
        give_back("v", released=0),
        free(released=1),
    )
    yield script(
        "view-kept",
        "L5",
        lend(),
        take(),
        step("view", array="x", loan="v"),
        take("v", array="y", error=scoped),
        give_back("v"),
        free(released=1),
    )
    yield script("read-only-read", "L6", lend(flags_write=W_READ_ONLY), take(), free())
    yield script(
        "read-only-lent-for-writing",
        "L6",
        lend(flags_write=W_READ_ONLY),
        take(),
        again("b", request={"access": READ_WRITE}, error=("ACCESS", "L6", "flags_write")),
        free(released=1),
    )
    yield script("aliased-read", "L6", lend(flags_write=W_ALIASED), take(), free())
    yield script(
        "read-and-marked-as-written",
        "L6",
        lend(),
        take(),
        step("mark", ("ACCESS", "L6", "flags_write"), array="x", flags=MODIFIED),
        free(heard=0),
    )
    busy = ("BUSY", "L7", None)
    exclusive = {"request": {"access": EXCLUSIVE}}
    own = (lend(flags_info=I_EXCLUSIVE), take(access=EXCLUSIVE))
    yield script("exclusive-taken", "L7", *own, free(released=1))
    yield script(
        "exclusive-not-lent",
        "L7",
        lend(),
        take(access=EXCLUSIVE, error=("ACCESS", "L7", "flags_info")),
        give_back(released=1),
    )
    yield script(
        "exclusive-while-another-is-out",
        "L7",
        *own,
        again("b"),
        again("c", **exclusive, error=busy),
        give_back("b"),
        again("c", **exclusive, info=I_EXCLUSIVE),
        give_back("c"),
        free(released=1),
    )
    yield script(
        "another-while-exclusive-is-out",
        "L7",
        *own,
        again("b", **exclusive),
        again("c", error=busy),
        give_back("b"),
        again("c"),
        give_back("c"),
        free(released=1),
    )
    describe = {"request": {"access": "describe"}}
    no_data = ("ACCESS", "L9", "flags_read")
    yield script(
        "description",
        "L9",
        lend(),
        take(),
        again("b", **describe),
        step("check", loan="b"),
        give_back("b", released=0),
        free(released=1),
    )
    yield script(
        "description-beside-exclusive",
        "L7 L9",
        *own,
        again("b", **exclusive),
        again("c", **describe),
        give_back("c"),
        give_back("b"),
        free(released=1),
    )
    yield script(
        "description-taken-for-memory",
        "L9",
        lend(),
        take(),
        again("b", **describe),
        take("b", array="y", error=no_data, live=["b"]),
        give_back("b"),
        free(released=1),
    )


def requests():
    def asked(name, request, error=None, **sees):
        ask = again("b", request=request, error=error, **sees)
        end = () if error else (give_back("b"),)
        yield script(f"request-{name}", "L10", lend(), take(access=READ_WRITE), ask, *end, free(released=1))

    no = lambda field: ("UNACCEPTABLE", "L10", field)
    yield from asked("plain", {})
    yield from asked("row-major", {"layouts": 1, "copy": 1})
    yield from asked("blocks", {"dist_types": 1})
    yield from asked("copy", {"copy": 2}, info=COPIED)
    yield from asked("column-major-in-place", {"layouts": 2, "copy": 1}, ("WOULD_COPY", "L10", "layouts"))
    yield from asked("column-major", {"layouts": 2}, no("layouts"))
    yield from asked("device", {"device_type": 2}, no("device_type"))
    yield from asked("alignment", {"min_alignment": 2**31}, no("min_alignment"))
    yield from asked("copy-to-write", {"copy": 2, "access": READ_WRITE}, no("access"))
    yield from asked("alignment-of-3", {"min_alignment": 3}, ("RANGE", "L10", "min_alignment"))
    yield from asked("short", {"struct_size": 64}, ("VERSION", "L10", "struct_size"))
    yield from asked("layouts-unknown", {"layouts": 8}, ("RANGE", "L10", "layouts"))
    yield from asked("reserved", {"reserved": 1}, ("FLAG", "L10", "reserved"))


def writes():
    mark = lambda flags, error=None, **sees: step("mark", error, sees, array="x", flags=flags)
    yield script(
        "written", "L8", lend(), take(access=READ_WRITE), mark(MODIFIED), free(released=1, heard=MODIFIED)
    )
    yield script(
        "padding-written",
        "L8",
        lend(),
        take(access=READ_WRITE),
        mark(HALO_MODIFIED),
        free(released=1, heard=HALO_MODIFIED),
    )
    yield script("not-written", "L8", lend(), take(access=READ_WRITE), free(released=1, heard=0))
    yield script(
        "marked-with-an-unknown-bit",
        "L8",
        lend(),
        take(access=READ_WRITE),
        mark(8, ("FLAG", "L8", "consumer_flags")),
        free(heard=0),
    )
    valid = lend(flags_info=HALO_VALID | FACES)
    yield script(
        "later-loans-are-dated",
        "L11",
        valid,
        take(access=READ_WRITE),
        again("b", epoch=3, info=HALO_VALID | FACES),
        mark(MODIFIED),
        again("c", epoch=4, info=0),
        give_back("b"),
        give_back("c"),
        free(heard=MODIFIED),
    )
    yield script(
        "a-borrower-wrote",
        "L11 L8",
        lend(),
        take(access=READ_WRITE),
        again("b", request={"access": READ_WRITE}),
        step("write", loan="b", flags=MODIFIED),
        give_back("b", released=0),
        again("c", epoch=4),
        give_back("c"),
        free(heard=MODIFIED),
    )
    yield script(
        "a-halo-was-refreshed",
        "L11",
        lend(),
        take(access=READ_WRITE),
        mark(MODIFIED),
        mark(HALO_REFRESHED),
        again("b", epoch=4, info=HALO_VALID),
        give_back("b"),
        free(heard=MODIFIED | HALO_REFRESHED),
    )
    yield script(
        "a-borrower-cannot-write-what-was-read",
        "L11 L6",
        lend(),
        take(),
        again("b", request={"access": READ_WRITE}, error=("ACCESS", "L6", "flags_write")),
        again("c", epoch=3),
        give_back("c"),
        free(heard=0),
    )
