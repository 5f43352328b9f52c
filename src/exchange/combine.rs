//! Elements that are not only moved: sums of halos, conversions, `alpha A + beta B`.
#![allow(unsafe_code)] // reads and writes elements at computed addresses

use half::{bf16, f16};
use num_complex::Complex;

use super::copy::Loop;
use crate::array::DType;
use crate::error::{Error, ErrorKind, Result};

/// How a halo's elements join those of their owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// The owner's element becomes the sum: the adjoint of the halo update.
    Sum,
    /// The owner's element becomes the smallest.
    Min,
    /// The owner's element becomes the largest.
    Max,
}

/// `B = alpha * op(A) + beta * B`, where `op` may take complex conjugates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Factor of the source.
    pub alpha: Complex<f64>,
    /// Factor of what the target holds; 0 does not read it.
    pub beta: Complex<f64>,
    /// Whether the source's elements are conjugated.
    pub conjugate: bool,
}

impl Default for Scale {
    /// `B = A`.
    fn default() -> Self {
        Self { alpha: Complex::new(1.0, 0.0), beta: Complex::new(0.0, 0.0), conjugate: false }
    }
}

/// A kernel for one row of elements.
type Row = unsafe fn(to: *mut u8, from: *const u8, by: Loop, scale: &Scale);

/// What happens to each element on its way into the target.
#[derive(Clone, Copy, Debug)]
pub(super) enum Combine {
    /// Its bytes are moved.
    Move,
    /// It is computed from itself and what is there.
    Rows(Row, Scale),
}

impl Combine {
    /// The kernel that accumulates elements of a type.
    pub(super) fn accumulate(dtype: DType, how: Accumulate) -> Result<Self> {
        let row = match how {
            Accumulate::Sum => sum_of(dtype),
            Accumulate::Min => least_of(dtype),
            Accumulate::Max => most_of(dtype),
        };
        row.map(|row| Self::Rows(row, Scale::default())).ok_or_else(|| {
            let what = match how {
                Accumulate::Sum => "sum",
                Accumulate::Min | Accumulate::Max => "order",
            };
            Error::new(ErrorKind::DType, format!("{dtype} elements have no {what}")).in_field("dtype")
        })
    }

    /// The kernel that converts and scales elements.
    pub(super) fn scaled(from: DType, to: DType, scale: Scale) -> Result<Self> {
        if from == to && scale == Scale::default() {
            return Ok(Self::Move);
        }
        let plain = Scale { alpha: Scale::default().alpha, ..scale } == Scale::default();
        let row = if plain && scale == Scale::default() {
            conversion(from, to).ok_or_else(|| {
                format!(
                    "{from} elements do not convert to {to} without losing their kind; convert them first"
                )
            })
        } else {
            scaling(from, to).ok_or_else(|| {
                format!("{from} elements cannot be scaled into {to}: factors need a floating-point target of the same kind")
            })
        };
        let row = row.map_err(|detail| Error::new(ErrorKind::DType, detail).in_field("dtype"))?;
        let real = |factor: Complex<f64>| factor.im == 0.0;
        if to.code != DType::C64.code && !(real(scale.alpha) && real(scale.beta)) {
            return Err(Error::new(
                ErrorKind::DType,
                format!("a complex factor needs complex elements, not {to}"),
            )
            .in_field("dtype"));
        }
        Ok(Self::Rows(row, scale))
    }
}

/// Runs a row kernel along all loops; the last is the row.
///
/// # Safety
/// As [`copy`](super::copy::copy), with elements of the kernel's types.
pub(super) unsafe fn combine(to: *mut u8, from: *const u8, loops: &[Loop], row: Row, scale: &Scale) {
    // SAFETY: the caller's promise, for all of them.
    unsafe {
        match loops {
            [] => row(to, from, Loop { n: 1, to: 0, from: 0 }, scale),
            [one] => row(to, from, *one, scale),
            [outer, rest @ ..] => {
                for i in 0..outer.n.cast_signed() {
                    combine(to.offset(i * outer.to), from.offset(i * outer.from), rest, row, scale);
                }
            }
        }
    }
}

/// Calls `body` with references to each pair of elements of a row.
#[inline(always)]
unsafe fn row<S: Copy, D: Copy>(to: *mut u8, from: *const u8, by: Loop, body: impl Fn(D, S) -> D) {
    let (to_packed, from_packed) = (size_of::<D>().cast_signed(), size_of::<S>().cast_signed());
    // SAFETY: the caller's promise; packed memory may not be aligned.
    let step = |i: isize, to_step: isize, from_step: isize| unsafe {
        let at = to.offset(i * to_step).cast::<D>();
        at.write_unaligned(body(
            at.read_unaligned(),
            from.offset(i * from_step).cast::<S>().read_unaligned(),
        ));
    };
    let n = by.n.cast_signed();
    // Constant steps let the compiler use vector instructions.
    if (by.to, by.from) == (to_packed, from_packed) {
        (0..n).for_each(|i| step(i, to_packed, from_packed));
    } else {
        (0..n).for_each(|i| step(i, by.to, by.from));
    }
}

macro_rules! for_dtype {
    ($dtype:expr, $function:ident, [$($type:ty => $name:ident),* $(,)?]) => {
        match $dtype {
            $(DType::$name => Some($function::<$type> as Row),)*
            _ => None,
        }
    };
}

/// Sums, as NumPy makes them: integers wrap.
trait Number: Copy {
    fn plus(self, other: Self) -> Self;
}

macro_rules! numbers {
    ($($type:ty: $plus:expr;)*) => {$(
        impl Number for $type {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                let plus: fn(Self, Self) -> Self = $plus;
                plus(self, other)
            }
        }
    )*};
}
numbers! {
    i8: i8::wrapping_add; i16: i16::wrapping_add; i32: i32::wrapping_add; i64: i64::wrapping_add;
    u8: u8::wrapping_add; u16: u16::wrapping_add; u32: u32::wrapping_add; u64: u64::wrapping_add;
    f32: |a, b| a + b; f64: |a, b| a + b;
    f16: |a, b| f16::from_f32(a.to_f32() + b.to_f32()); bf16: |a, b| bf16::from_f32(a.to_f32() + b.to_f32());
    Complex<f32>: |a, b| a + b; Complex<f64>: |a, b| a + b;
}

unsafe fn sum<T: Number>(to: *mut u8, from: *const u8, by: Loop, _: &Scale) {
    // SAFETY: the caller's promise.
    unsafe { row::<T, T>(to, from, by, T::plus) }
}

/// The smaller; a NaN wins, as in NumPy's minimum.
#[allow(clippy::eq_op)] // only a NaN differs from itself
unsafe fn least<T: Copy + PartialOrd>(to: *mut u8, from: *const u8, by: Loop, _: &Scale) {
    // SAFETY: the caller's promise.
    unsafe { row::<T, T>(to, from, by, |a, b| if a < b || a != a { a } else { b }) }
}

/// The larger; a NaN wins, as in NumPy's maximum.
#[allow(clippy::eq_op)] // only a NaN differs from itself
unsafe fn most<T: Copy + PartialOrd>(to: *mut u8, from: *const u8, by: Loop, _: &Scale) {
    // SAFETY: the caller's promise.
    unsafe { row::<T, T>(to, from, by, |a, b| if a > b || a != a { a } else { b }) }
}

fn sum_of(dtype: DType) -> Option<Row> {
    for_dtype!(dtype, sum, [
        i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64,
        f16 => F16, bf16 => BF16, f32 => F32, f64 => F64, Complex<f32> => C64, Complex<f64> => C128,
    ])
}

fn least_of(dtype: DType) -> Option<Row> {
    for_dtype!(dtype, least, [
        i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64,
        f16 => F16, bf16 => BF16, f32 => F32, f64 => F64,
    ])
}

fn most_of(dtype: DType) -> Option<Row> {
    for_dtype!(dtype, most, [
        i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64,
        f16 => F16, bf16 => BF16, f32 => F32, f64 => F64,
    ])
}

/// A value of one type as one of another, where the kind is kept or widened: NumPy's
/// `same_kind` casting.
trait Cast<D>: Copy {
    fn cast(self) -> D;
}

macro_rules! casts {
    ($($from:ident => [$($to:ident),*];)*) => {$($(
        impl Cast<$to> for $from {
            #[inline(always)]
            #[allow(clippy::cast_possible_truncation)] // a conversion that the caller asked for
            fn cast(self) -> $to {
                self as $to
            }
        }
    )*)*};
}
casts! {
    i8 => [i8, i16, i32, i64, f32, f64];
    i16 => [i8, i16, i32, i64, f32, f64];
    i32 => [i8, i16, i32, i64, f32, f64];
    i64 => [i8, i16, i32, i64, f32, f64];
    u8 => [u8, u16, u32, u64, i8, i16, i32, i64, f32, f64];
    u16 => [u8, u16, u32, u64, i8, i16, i32, i64, f32, f64];
    u32 => [u8, u16, u32, u64, i8, i16, i32, i64, f32, f64];
    u64 => [u8, u16, u32, u64, i8, i16, i32, i64, f32, f64];
    f32 => [f32, f64];
    f64 => [f32, f64];
}

macro_rules! halves {
    ($($half:ident),*) => {$(
        impl Cast<f32> for $half {
            #[inline(always)]
            fn cast(self) -> f32 {
                self.to_f32()
            }
        }
        impl Cast<f64> for $half {
            #[inline(always)]
            fn cast(self) -> f64 {
                self.to_f64()
            }
        }
        impl Cast<$half> for f32 {
            #[inline(always)]
            fn cast(self) -> $half {
                $half::from_f32(self)
            }
        }
        impl Cast<$half> for f64 {
            #[inline(always)]
            fn cast(self) -> $half {
                $half::from_f64(self)
            }
        }
    )*};
}
halves!(f16, bf16);

macro_rules! to_halves {
    ($($from:ident),*) => {$(
        impl Cast<f16> for $from {
            #[inline(always)]
            fn cast(self) -> f16 {
                f16::from_f64(Cast::<f64>::cast(self))
            }
        }
        impl Cast<bf16> for $from {
            #[inline(always)]
            fn cast(self) -> bf16 {
                bf16::from_f64(Cast::<f64>::cast(self))
            }
        }
    )*};
}
to_halves!(i8, i16, i32, i64, u8, u16, u32, u64);

impl Cast<bf16> for f16 {
    #[inline(always)]
    fn cast(self) -> bf16 {
        bf16::from_f32(self.to_f32())
    }
}

impl Cast<f16> for bf16 {
    #[inline(always)]
    fn cast(self) -> f16 {
        f16::from_f32(self.to_f32())
    }
}

/// Real and complex numbers as complex ones.
macro_rules! complexes {
    ($part:ident: [$($from:ident),*]) => {
        $(impl Cast<Complex<$part>> for $from {
            #[inline(always)]
            fn cast(self) -> Complex<$part> {
                Complex::new(Cast::<$part>::cast(self), 0.0)
            }
        })*
        impl<T: Cast<$part>> Cast<Complex<$part>> for Complex<T> {
            #[inline(always)]
            fn cast(self) -> Complex<$part> {
                Complex::new(self.re.cast(), self.im.cast())
            }
        }
    };
}
complexes!(f32: [i8, i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32, f64]);
complexes!(f64: [i8, i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32, f64]);

unsafe fn convert<S: Cast<D>, D: Copy>(to: *mut u8, from: *const u8, by: Loop, _: &Scale) {
    // SAFETY: the caller's promise.
    unsafe { row::<S, D>(to, from, by, |_, value| value.cast()) }
}

/// Numbers that factors of any kind multiply.
trait Scaled: Copy {
    fn factor(value: Complex<f64>) -> Self;
    fn times(self, other: Self) -> Self;
    fn plus(self, other: Self) -> Self;
    fn conjugate(self) -> Self;
}

macro_rules! scaled {
    ($($type:ty: $factor:expr, $conjugate:expr;)*) => {$(
        impl Scaled for $type {
            #[inline(always)]
            fn factor(value: Complex<f64>) -> Self {
                let factor: fn(Complex<f64>) -> Self = $factor;
                factor(value)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn conjugate(self) -> Self {
                let conjugate: fn(Self) -> Self = $conjugate;
                conjugate(self)
            }
        }
    )*};
}
scaled! {
    f32: |v| Cast::<f32>::cast(v.re), |x| x;
    f64: |v| v.re, |x| x;
    Complex<f32>: |v| v.cast(), |x| x.conj();
    Complex<f64>: |v| v, |x| x.conj();
}

unsafe fn rescale<S: Cast<D>, D: Scaled>(to: *mut u8, from: *const u8, by: Loop, scale: &Scale) {
    let (alpha, beta) = (D::factor(scale.alpha), D::factor(scale.beta));
    let value = |source: S| {
        let source: D = source.cast();
        alpha.times(if scale.conjugate { source.conjugate() } else { source })
    };
    // SAFETY: the caller's promise.
    unsafe {
        if scale.beta == Complex::new(0.0, 0.0) {
            row::<S, D>(to, from, by, |_, source| value(source)); // even a NaN is overwritten
        } else {
            row::<S, D>(to, from, by, |there, source| value(source).plus(beta.times(there)));
        }
    }
}

macro_rules! pairs {
    ($from:expr, $to:expr, $function:ident: $($d:ty => $dname:ident from [$($s:ty => $sname:ident),*];)*) => {
        match ($from, $to) {
            $($((DType::$sname, DType::$dname) => Some($function::<$s, $d> as Row),)*)*
            _ => None,
        }
    };
}

fn conversion(from: DType, to: DType) -> Option<Row> {
    pairs! { from, to, convert:
        i8 => I8 from [i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64];
        i16 => I16 from [i8 => I8, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64];
        i32 => I32 from [i8 => I8, i16 => I16, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64];
        i64 => I64 from [i8 => I8, i16 => I16, i32 => I32, u8 => U8, u16 => U16, u32 => U32, u64 => U64];
        u8 => U8 from [u16 => U16, u32 => U32, u64 => U64];
        u16 => U16 from [u8 => U8, u32 => U32, u64 => U64];
        u32 => U32 from [u8 => U8, u16 => U16, u64 => U64];
        u64 => U64 from [u8 => U8, u16 => U16, u32 => U32];
        f16 => F16 from [i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32,
                         u64 => U64, bf16 => BF16, f32 => F32, f64 => F64];
        bf16 => BF16 from [i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32,
                         u64 => U64, f16 => F16, f32 => F32, f64 => F64];
        f32 => F32 from [i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32,
                         u64 => U64, f16 => F16, bf16 => BF16, f64 => F64];
        f64 => F64 from [i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32,
                         u64 => U64, f16 => F16, bf16 => BF16, f32 => F32];
        Complex<f32> => C64 from [i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16,
                         u32 => U32, u64 => U64, f16 => F16, bf16 => BF16, f32 => F32, f64 => F64,
                         Complex<f64> => C128];
        Complex<f64> => C128 from [i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16,
                         u32 => U32, u64 => U64, f16 => F16, bf16 => BF16, f32 => F32, f64 => F64,
                         Complex<f32> => C64];
    }
}

fn scaling(from: DType, to: DType) -> Option<Row> {
    pairs! { from, to, rescale:
        f32 => F32 from [f32 => F32, f64 => F64, i32 => I32, i64 => I64];
        f64 => F64 from [f32 => F32, f64 => F64, i32 => I32, i64 => I64];
        Complex<f32> => C64 from [f32 => F32, f64 => F64, Complex<f32> => C64, Complex<f64> => C128];
        Complex<f64> => C128 from [f32 => F32, f64 => F64, Complex<f32> => C64, Complex<f64> => C128];
    }
}
