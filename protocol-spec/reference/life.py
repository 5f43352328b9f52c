"""The life of loans, step by step: c-abi.md, section 5. Memory is not touched."""

from description import Refusal

ACCESS = ("read", "read-write", "exclusive")
READ_ONLY, ALIASED, SCOPED, NO_DATA = 1, 4, 1 << 9, 1 << 8
COPIED, HALO_VALID, EXCLUSIVE, HALO_FACES = 1, 2, 4, 16
MODIFIED, HALO_MODIFIED, REFRESHED = 1, 2, 4


class Producer:
    """The first lender: how often its release ran, and what it was told."""

    def __init__(self):
        self.released, self.heard = 0, 0

    def end(self, flags):
        self.released += 1
        self.heard |= flags


class Array:
    """What a consumer has of a loan; it may lend it again."""

    def __init__(self, loan, access):
        self.loan, self.writable = loan, access != "read" and not loan.write & (READ_ONLY | ALIASED)
        self.users, self.loans, self.exclusive = 1, 0, False
        self.info, self.epoch, self.flags = loan.info & ~EXCLUSIVE, loan.epoch, 0

    def drop(self):
        self.users -= 1
        if self.users == 0:
            self.loan.end(self.loan.consumer_flags | self.flags)

    def note(self, flags):
        # A halo that was refreshed before is stale once owned elements are written.
        self.flags = (self.flags & ~REFRESHED if flags & MODIFIED else self.flags) | flags
        if flags & (MODIFIED | HALO_MODIFIED):
            self.epoch, self.info = self.epoch + 1, self.info & ~(HALO_VALID | HALO_FACES)
        if flags & REFRESHED:
            self.info = self.info & ~HALO_FACES | HALO_VALID

    def lend(self, request):
        check_request(request)
        access = request.get("access", "read")
        if access == "describe":
            self.users += 1
            return Loan(lambda flags: self.drop(), read=NO_DATA, info=self.info, epoch=self.epoch)
        if request.get("copy") == 2:
            if access != "read":
                raise Refusal("UNACCEPTABLE", "L10", "access")
            return Loan(lambda flags: None, write=READ_ONLY, info=self.info | COPIED, epoch=self.epoch)
        if access != "read" and not self.writable:
            raise Refusal("ACCESS", "L6", "flags_write")
        if self.exclusive or access == "exclusive" and self.loans:
            raise Refusal("BUSY", "L7", None)
        self.users, self.loans, self.exclusive = self.users + 1, self.loans + 1, access == "exclusive"

        def end(flags):
            self.note(flags)
            self.loans, self.exclusive = self.loans - 1, False
            self.drop()

        info = self.info | (EXCLUSIVE if access == "exclusive" else 0)
        return Loan(end, write=0 if access != "read" else READ_ONLY, info=info, epoch=self.epoch)


def check_request(request):
    """What the consumer of these scripts, which has packed rows in host memory, must refuse."""
    if request.get("struct_size", 128) < 128:
        raise Refusal("VERSION", "L10", "struct_size")
    if request.get("layouts", 0) > 7:
        raise Refusal("RANGE", "L10", "layouts")
    alignment = request.get("min_alignment", 0)
    if alignment & (alignment - 1):
        raise Refusal("RANGE", "L10", "min_alignment")
    if request.get("reserved"):
        raise Refusal("FLAG", "L10", "reserved")
    if request.get("device_type", 0) not in (0, 1):
        raise Refusal("UNACCEPTABLE", "L10", "device_type")
    if request.get("layouts") == 2:
        raise Refusal("WOULD_COPY" if request.get("copy") == 1 else "UNACCEPTABLE", "L10", "layouts")
    if alignment > 1 << 20:
        raise Refusal("UNACCEPTABLE", "L10", "min_alignment")


class Loan:
    def __init__(self, end, read=0, write=0, info=0, epoch=3):
        self.end, self.read, self.write, self.info, self.epoch = end, read, write, info, epoch
        self.consumer_flags = 0

    def is_live(self):
        return self.end is not None

    def move(self):
        moved = Loan(self.end, self.read, self.write, self.info, self.epoch)
        moved.consumer_flags, self.end = self.consumer_flags, None
        return moved


class Life:
    """One run of a script."""

    def __init__(self):
        self.producer, self.loans, self.arrays = Producer(), {}, {}

    def live(self, name):
        if not self.loans[name].is_live():
            raise Refusal("RELEASED", "L1", "release")
        return self.loans[name]

    def do(self, step):
        getattr(self, "do_" + step["do"])(step)

    def do_lend(self, step):
        fields = step.get("fields", {})
        flags = (fields.get(name, 0) for name in ("flags_read", "flags_write", "flags_info"))
        self.loans[step["loan"]] = Loan(self.producer.end, *flags)

    def do_check(self, step):
        self.live(step["loan"])

    def do_import(self, step):
        loan, access = self.live(step["loan"]), step["access"]
        if loan.read & SCOPED:
            raise Refusal("ACCESS", "L5", "flags_read")
        if loan.read & NO_DATA:
            raise Refusal("ACCESS", "L9", "flags_read")
        if access != "read" and loan.write & (READ_ONLY | ALIASED):
            raise Refusal("ACCESS", "L6", "flags_write")
        if access == "exclusive" and not loan.info & EXCLUSIVE:
            raise Refusal("ACCESS", "L7", "flags_info")
        self.arrays[step["array"]] = Array(loan.move(), access)

    def do_export(self, step):
        self.loans[step["loan"]] = self.arrays[step["array"]].lend(step.get("request", {}))

    def do_view(self, step):
        array = self.arrays[step["array"]]
        self.loans[step["loan"]] = Loan(lambda flags: None, read=SCOPED, info=array.info, epoch=array.epoch)

    def do_mark(self, step):
        array, flags = self.arrays[step["array"]], step["flags"]
        if flags & ~(MODIFIED | HALO_MODIFIED | REFRESHED):
            raise Refusal("FLAG", "L8", "consumer_flags")
        if not array.writable and flags & (MODIFIED | HALO_MODIFIED):
            raise Refusal("ACCESS", "L6", "flags_write")
        array.note(flags)

    def do_write(self, step):
        self.live(step["loan"]).consumer_flags |= step["flags"]

    def do_move(self, step):
        self.loans[step["to"]] = self.live(step["loan"]).move()

    def do_release(self, step):
        loan = self.loans[step["loan"]]
        if not loan.is_live():
            raise Refusal("RELEASED", "L2", "release")
        end, loan.end = loan.end, None
        end(loan.consumer_flags)

    def do_free(self, step):
        self.arrays.pop(step["array"]).drop()

    def sees(self, step):
        loan = self.loans.get(step.get("loan"))
        return {
            "released": self.producer.released,
            "heard": self.producer.heard,
            "live": sorted(name for name, loan in self.loans.items() if loan.is_live()),
            "epoch": loan and loan.epoch,
            "info": loan and loan.info,
        }


def check_life(case):
    """Runs a script; the first refusal is the verdict, and every step must go as stated."""
    life, first = Life(), None
    for number, step in enumerate(case["steps"]):
        error = None
        try:
            life.do(step)
        except Refusal as refusal:
            error, first = refusal.as_dict(), first or refusal
        if error != step.get("error"):
            raise Refusal(None, None, f"step {number}: {error}")
        seen = life.sees(step)
        if any(seen[what] != value for what, value in step.get("sees", {}).items()):
            raise Refusal(None, None, f"step {number} sees {seen}")
    if first:
        raise first
