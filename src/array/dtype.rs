//! Element types as values, in DLPack's codes.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// An element type: DLPack's `DLDataType`, bit for bit.
///
/// A code other than those below is carried, never interpreted. Records and
/// strings are [`OPAQUE`](Self::OPAQUE): only their size is known to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct DType {
    /// DLPack's `DLDataTypeCode`.
    pub code: u8,
    /// Bits of one element; 0 for opaque elements, whose size stands elsewhere.
    pub bits: u8,
    /// Elements per value; always 1 here.
    pub lanes: u16,
}

macro_rules! dtypes {
    ($($name:ident = $code:literal, $bits:literal, $text:literal;)*) => {
        #[allow(missing_docs)] // the names say it
        impl DType {
            $(pub const $name: Self = Self { code: $code, bits: $bits, lanes: 1 };)*

            /// NumPy's name of the type, `None` for opaque and unknown ones.
            #[must_use]
            #[inline(always)]
            pub fn name(self) -> Option<&'static str> {
                match (self.code, self.bits, self.lanes) {
                    $(($code, $bits, 1) => Some($text),)*
                    _ => None,
                }
            }

            /// The type of a NumPy name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

dtypes! {
    BOOL = 6, 8, "bool";
    I8 = 0, 8, "int8";
    I16 = 0, 16, "int16";
    I32 = 0, 32, "int32";
    I64 = 0, 64, "int64";
    U8 = 1, 8, "uint8";
    U16 = 1, 16, "uint16";
    U32 = 1, 32, "uint32";
    U64 = 1, 64, "uint64";
    F16 = 2, 16, "float16";
    BF16 = 4, 16, "bfloat16";
    F32 = 2, 32, "float32";
    F64 = 2, 64, "float64";
    C64 = 5, 64, "complex64";
    C128 = 5, 128, "complex128";
}

/// DLPack's words for its codes, in order.
const CODES: [&str; 7] = ["int", "uint", "float", "opaque", "bfloat", "complex", "bool"];

impl DType {
    /// Elements of which only the size is known: records, strings, decimals.
    pub const OPAQUE: Self = Self { code: 3, bits: 0, lanes: 1 };

    /// Why elements of this type are refused. By value: a type that a message borrows
    /// would lie in memory where none is refused, too.
    #[cold]
    pub(crate) fn refused(self, kind: ErrorKind, why: impl fmt::Display) -> Error {
        Error::new(kind, format!("{self} {why}"))
    }

    /// Bytes of one element, `None` for opaque elements and for those smaller than a byte.
    #[must_use]
    #[inline(always)]
    pub fn itemsize(self) -> Option<usize> {
        let bits = usize::from(self.bits) * usize::from(self.lanes);
        (self.code != Self::OPAQUE.code && bits > 0 && bits.is_multiple_of(8)).then_some(bits / 8)
    }

    /// Bytes of one element, for who makes elements of this type.
    ///
    /// # Errors
    /// Elements whose size stands elsewhere, or smaller than a byte.
    pub(crate) fn own_itemsize(self) -> Result<usize> {
        let refused = || self.refused(ErrorKind::DType, "elements have no size of their own");
        self.itemsize().ok_or_else(|| refused().in_field("dtype"))
    }

    /// Natural alignment in bytes: that of the C type, 1 where it is not known.
    #[must_use]
    #[inline(always)]
    pub fn alignment(self) -> usize {
        let complex = self.code == Self::C64.code;
        match self.itemsize() {
            Some(size) if size.is_power_of_two() => (size >> u8::from(complex)).clamp(1, 16),
            _ => 1,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None if self.code == Self::OPAQUE.code => f.write_str("opaque"),
            None => match CODES.get(usize::from(self.code)) {
                Some(name) if self.lanes == 1 => write!(f, "{name} of {} bits", self.bits),
                _ => write!(f, "dtype(code {}, bits {}, lanes {})", self.code, self.bits, self.lanes),
            },
        }
    }
}
