"""The vectors of the specification on loans: images of them, and scripts of their lives."""

import ctypes

import numpy as np

import distarray as da
from distarray import _abi, _memory
from spec import LEFT_OUT, VECTORS, Lender, each, loan_in, refusal, spelled


class Image(Lender):
    """A loan laid out byte by byte."""

    def __init__(self, vector):
        self.released = self.heard = 0
        self.release = ctypes.CFUNCTYPE(None, ctypes.POINTER(_abi.distarray_export))(self.give_back)
        self.segments = {}
        for name, piece in vector["segments"].items():
            content = spelled(piece)
            memory = np.zeros(len(content) // 16 + 2, "c16")  # at an address that suits every element
            ctypes.memmove(memory.ctypes.data, content, len(content))
            self.segments[name] = memory
        for segment, offset, target, added in vector["pointers"]:
            pointed = self.segments.get(target)
            address = (
                ctypes.cast(self.release, ctypes.c_void_p).value
                if pointed is None
                else pointed.ctypes.data + added
            )
            ctypes.c_uint64.from_address(self.segments[segment].ctypes.data + offset).value = address
        self.loan = _abi.distarray_export.from_address(self.segments["export"].ctypes.data)

    def give_back(self, loan):
        self.released += 1
        self.heard |= loan[0].consumer_flags
        loan[0].release = None


#: How the package is asked for an access.
ASKED = {"read": {"writable": False}, "read-write": {"writable": True}, "exclusive": {"exclusive": True}}


def test_images_of_loans():
    def check(vector):
        if vector["access"] not in ASKED:
            return LEFT_OUT
        image = Image(vector)
        before = bytes(image.loan)
        try:
            taken = da.from_distarray(image, **ASKED[vector["access"]])
        except da.DistArrayError:
            assert (bytes(image.loan), image.released) == (before, 0), vector["id"]
            raise
        assert image.loan.release is None and image.released == 0, vector["id"]
        del taken
        assert image.released == 1, vector["id"]

    each("abi", 133, check)


class Life:
    """The loans and arrays of one script; the first of them is an image."""

    def __init__(self, image):
        self.image, self.loans, self.arrays = image, {}, {}

    def lend(self, step):
        fields = {"flags_read": 0, "flags_write": 0, "flags_info": 0, **step.get("fields", {})}
        for name, value in fields.items():
            setattr(self.image.loan, name, value)
        self.loans[step["loan"]] = self.image.loan

    def take(self, step):
        lender = Lender(self.loans[step["loan"]])
        self.arrays[step["array"]] = da.from_distarray(lender, **ASKED[step["access"]])

    def export(self, step):
        asked = _abi.distarray_request(struct_size=128, max_abi_major=1)
        for name, value in step.get("request", {}).items():
            if name == "reserved":
                asked.reserved[8] = value
            else:
                setattr(asked, name, ACCESS.index(value) if name == "access" else value)
        capsule = self.arrays[step["array"]].__distarray_c__(_memory.request_capsule(asked))
        self.loans[step["loan"]] = loan_in(capsule)

    def mark(self, step):
        flags = step["flags"]
        self.arrays[step["array"]].mark_modified(
            owned=bool(flags & _abi.C_MODIFIED), halo=bool(flags & _abi.C_HALO_MODIFIED)
        )

    def write(self, step):
        self.loans[step["loan"]].consumer_flags |= step["flags"]

    def move(self, step):
        source, moved = self.loans[step["loan"]], _abi.distarray_export()
        ctypes.pointer(moved)[0] = source
        source.release = source.private_data = None
        self.loans[step["to"]] = moved

    def release(self, step):
        loan = self.loans[step["loan"]]
        if loan.release is None:
            raise da.DistArrayError("nothing to release", da.Status.RELEASED, field="release", rule="L2")
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(loan.release)(ctypes.addressof(loan))
        assert loan.release is None

    def free(self, step):
        del self.arrays[step["array"]]

    def sees(self, what, step):
        return {
            "released": lambda: self.image.released,
            "heard": lambda: self.image.heard,
            "live": lambda: sorted(name for name, loan in self.loans.items() if loan.release),
            "epoch": lambda: self.loans[step["loan"]].epoch,
            "info": lambda: self.loans[step["loan"]].flags_info,
        }[what]()


ACCESS = ("read", "read-write", "exclusive", "describe")
VERBS = {
    "lend": Life.lend,
    "import": Life.take,
    "export": Life.export,
    "mark": Life.mark,
    "write": Life.write,
    "move": Life.move,
    "release": Life.release,
    "free": Life.free,
}


def has_words(step):
    if step["do"] == "mark":
        return step["flags"] in (_abi.C_MODIFIED, _abi.C_HALO_MODIFIED)
    return step["do"] in VERBS


def test_lives_of_loans():
    good = next(vector for vector in VECTORS if vector["id"] == "loan")

    def check(vector):
        steps = vector["steps"]
        asks = any(step["do"] == "import" for step in steps)  # and not the lender of this test alone
        if not asks or not all(map(has_words, steps)):
            return LEFT_OUT
        life, first = Life(Image(good)), None
        for number, step in enumerate(steps):
            refused = None
            try:
                VERBS[step["do"]](life, step)
            except da.DistArrayError as error:
                refused = refusal(error)
            assert refused == step.get("error"), (vector["id"], number)
            first = first or refused
            for what, value in step.get("sees", {}).items():
                assert life.sees(what, step) == value, (vector["id"], number, what)
        assert not life.arrays and not any(loan.release for loan in life.loans.values()), vector["id"]
        return first

    each("lifecycle", 39, check)
