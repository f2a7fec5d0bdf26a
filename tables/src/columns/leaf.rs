//! The values of one column as they lie in an Arrow array: plain vectors, which become arrays without a copy.

use std::sync::Arc;

use arrow_array::types::{
    DurationNanosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, DictionaryArray, PrimitiveArray, StringArray,
};
use arrow_buffer::{BooleanBufferBuilder, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use framescope_parser::Value;

use super::names::Names;

/// The type of a column without fields in it.
#[derive(Clone, Debug)]
pub(crate) enum LeafType {
    Unsigned(u8),
    Signed(u8),
    Float(u8),
    Bool,
    /// Whether a field is there that has neither a value nor fields.
    Present,
    Text,
    Bytes,
    /// Text that is JSON.
    Json,
    /// Nanoseconds since the Unix epoch.
    Time,
    /// Nanoseconds.
    Duration,
    /// Names of few, each stored once.
    Names(Arc<super::names::Known>),
}

pub(crate) const TIME_ZONE: &str = "UTC";

impl LeafType {
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            LeafType::Unsigned(0..=8) => DataType::UInt8,
            LeafType::Unsigned(..=16) => DataType::UInt16,
            LeafType::Unsigned(..=32) => DataType::UInt32,
            LeafType::Unsigned(_) => DataType::UInt64,
            LeafType::Signed(0..=8) => DataType::Int8,
            LeafType::Signed(..=16) => DataType::Int16,
            LeafType::Signed(..=32) => DataType::Int32,
            LeafType::Signed(_) => DataType::Int64,
            LeafType::Float(0..=32) => DataType::Float32,
            LeafType::Float(_) => DataType::Float64,
            LeafType::Bool | LeafType::Present => DataType::Boolean,
            LeafType::Text | LeafType::Json => DataType::Utf8,
            LeafType::Bytes => DataType::Binary,
            LeafType::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some(TIME_ZONE.into())),
            LeafType::Duration => DataType::Duration(TimeUnit::Nanosecond),
            LeafType::Names(_) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        }
    }
}

/// The values so far. What is not pushed before the next value is null.
#[derive(Debug)]
pub(crate) struct Leaf {
    nulls: NullBufferBuilder,
    data: Data,
}

#[derive(Debug)]
enum Data {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>, Unit),
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// Also, whether these only say that a field is there.
    Bool(BooleanBufferBuilder, bool),
    Text(Lengths),
    Bytes(Lengths),
    Names(Vec<i32>, Names),
}

/// What 64-bit numbers are.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Number,
    Time,
    Duration,
}

/// Values of any length, one after another.
#[derive(Debug)]
struct Lengths {
    /// Where each begins, and where the last ends.
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Lengths {
    fn new() -> Self {
        Lengths { offsets: vec![0], bytes: Vec::new() }
    }

    fn pad(&mut self, len: usize) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.resize(len + 1, end);
    }

    /// False if there is no room: no more bytes than 31 bits count can be in one array.
    #[inline]
    fn push(&mut self, value: &[u8]) -> bool {
        match i32::try_from(self.bytes.len() + value.len()) {
            Ok(end) => {
                self.bytes.extend_from_slice(value);
                self.offsets.push(end);
                true
            }
            Err(_) => false,
        }
    }
}

/// Whether a value was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It was, and took this many bytes beside a place in the column.
    Yes(usize),
    /// It is not of the column's type.
    NoFit,
    /// The column has no room for it.
    NoRoom,
}

/// Does something with the vector of numbers, whatever their type is.
macro_rules! each {
    ($data:expr, $numbers:pat => $do:expr, $bools:pat => $for_bools:expr, $lengths:pat => $for_lengths:expr) => {
        match $data {
            Data::U8($numbers) => $do,
            Data::U16($numbers) => $do,
            Data::U32($numbers) => $do,
            Data::U64($numbers) => $do,
            Data::I8($numbers) => $do,
            Data::I16($numbers) => $do,
            Data::I32($numbers) | Data::Names($numbers, _) => $do,
            Data::I64($numbers, _) => $do,
            Data::F32($numbers) => $do,
            Data::F64($numbers) => $do,
            Data::Bool($bools, _) => $for_bools,
            Data::Text($lengths) | Data::Bytes($lengths) => $for_lengths,
        }
    };
}

impl Leaf {
    pub(crate) fn new(leaf_type: &LeafType) -> Leaf {
        let data = match leaf_type {
            LeafType::Unsigned(0..=8) => Data::U8(Vec::new()),
            LeafType::Unsigned(..=16) => Data::U16(Vec::new()),
            LeafType::Unsigned(..=32) => Data::U32(Vec::new()),
            LeafType::Unsigned(_) => Data::U64(Vec::new()),
            LeafType::Signed(0..=8) => Data::I8(Vec::new()),
            LeafType::Signed(..=16) => Data::I16(Vec::new()),
            LeafType::Signed(..=32) => Data::I32(Vec::new()),
            LeafType::Signed(_) => Data::I64(Vec::new(), Unit::Number),
            LeafType::Time => Data::I64(Vec::new(), Unit::Time),
            LeafType::Duration => Data::I64(Vec::new(), Unit::Duration),
            LeafType::Float(0..=32) => Data::F32(Vec::new()),
            LeafType::Float(_) => Data::F64(Vec::new()),
            LeafType::Bool => Data::Bool(BooleanBufferBuilder::new(0), false),
            LeafType::Present => Data::Bool(BooleanBufferBuilder::new(0), true),
            LeafType::Text | LeafType::Json => Data::Text(Lengths::new()),
            LeafType::Bytes => Data::Bytes(Lengths::new()),
            LeafType::Names(known) => Data::Names(Vec::new(), Names::new(Arc::clone(known))),
        };
        Leaf { nulls: NullBufferBuilder::new(0), data }
    }

    /// How many places are filled, those before the last value included.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.nulls.len()
    }

    /// Fills the places before `len` with nulls.
    #[inline]
    pub(crate) fn pad(&mut self, len: usize) {
        let missing = len.saturating_sub(self.nulls.len());
        if missing > 0 {
            self.pad_by(missing, len);
        }
    }

    fn pad_by(&mut self, missing: usize, len: usize) {
        self.nulls.append_n_nulls(missing);
        each!(&mut self.data,
            numbers => numbers.resize(len, Default::default()),
            bools => bools.append_n(missing, false),
            lengths => lengths.pad(len));
    }

    /// Stores a value in a place, which is the next or one behind it.
    #[inline]
    pub(crate) fn put(&mut self, place: usize, value: &Value<'_>) -> Stored {
        self.pad(place);
        let is_stored = match (&mut self.data, value) {
            (Data::Text(_), Value::Text(text)) => return self.put_bytes(text.as_bytes(), true),
            (Data::Bytes(_), Value::Bytes(bytes)) => return self.put_bytes(bytes, false),
            (Data::Names(keys, names), Value::Enum(kind)) => {
                keys.push(names.of_kind(kind));
                true
            }
            (Data::Bool(bools, false), Value::Bool(value)) => {
                bools.append(*value);
                true
            }
            (Data::Bool(bools, true), Value::Group) => {
                bools.append(true);
                true
            }
            (Data::F64(floats), Value::Float(value)) => {
                floats.push(*value);
                true
            }
            (Data::F32(floats), Value::Float(value)) => push_narrow(floats, *value),
            (data, Value::Unsigned(n) | Value::Hex(n)) => push_number(data, *n),
            (data, Value::Signed(n)) => push_number(data, *n),
            _ => false,
        };
        match is_stored {
            true => {
                self.nulls.append_non_null();
                Stored::Yes(0)
            }
            false => Stored::NoFit,
        }
    }

    #[inline]
    fn put_bytes(&mut self, value: &[u8], is_text: bool) -> Stored {
        let is_stored = match &mut self.data {
            Data::Text(lengths) if is_text => lengths.push(value),
            Data::Bytes(lengths) if !is_text => lengths.push(value),
            _ => return Stored::NoFit,
        };
        match is_stored {
            true => {
                self.nulls.append_non_null();
                Stored::Yes(value.len())
            }
            false => Stored::NoRoom,
        }
    }

    /// Stores a text in the next place.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &str) -> Stored {
        self.put_bytes(text.as_bytes(), true)
    }

    /// Stores bytes in the next place.
    #[inline]
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> Stored {
        self.put_bytes(bytes, false)
    }

    /// Stores a number in the next place.
    #[inline]
    pub(crate) fn push_number<N>(&mut self, number: N)
    where
        N: Copy
            + TryInto<u8>
            + TryInto<u16>
            + TryInto<u32>
            + TryInto<u64>
            + TryInto<i8>
            + TryInto<i16>
            + TryInto<i32>
            + TryInto<i64>,
    {
        match push_number(&mut self.data, number) {
            true => self.nulls.append_non_null(),
            false => self.pad(self.len() + 1),
        }
    }

    /// Stores a name in the next place.
    #[inline]
    pub(crate) fn push_name(&mut self, name: &str) {
        if let Data::Names(keys, names) = &mut self.data {
            keys.push(names.of_text(name));
            self.nulls.append_non_null();
        }
    }

    /// The place in the dictionary of a name in this batch.
    pub(crate) fn key_of(&mut self, name: &str) -> i32 {
        match &mut self.data {
            Data::Names(_, names) => names.of_text(name),
            _ => 0,
        }
    }

    /// Stores the name in a place of the dictionary in the next place.
    #[inline]
    pub(crate) fn push_known(&mut self, key: i32) {
        if let Data::Names(keys, _) = &mut self.data {
            keys.push(key);
            self.nulls.append_non_null();
        }
    }

    /// The array of the first `len` values, after which the column is empty.
    pub(crate) fn finish(&mut self, len: usize) -> Result<ArrayRef, ArrowError> {
        use std::mem::take;
        self.pad(len);
        let nulls = self.nulls.finish();
        fn numbers<T: ArrowPrimitiveType>(
            values: &mut Vec<T::Native>,
            nulls: Option<arrow_buffer::NullBuffer>,
        ) -> Result<PrimitiveArray<T>, ArrowError> {
            PrimitiveArray::try_new(ScalarBuffer::from(take(values)), nulls)
        }
        Ok(match &mut self.data {
            Data::U8(values) => Arc::new(numbers::<UInt8Type>(values, nulls)?),
            Data::U16(values) => Arc::new(numbers::<UInt16Type>(values, nulls)?),
            Data::U32(values) => Arc::new(numbers::<UInt32Type>(values, nulls)?),
            Data::U64(values) => Arc::new(numbers::<UInt64Type>(values, nulls)?),
            Data::I8(values) => Arc::new(numbers::<Int8Type>(values, nulls)?),
            Data::I16(values) => Arc::new(numbers::<Int16Type>(values, nulls)?),
            Data::I32(values) => Arc::new(numbers::<Int32Type>(values, nulls)?),
            Data::I64(values, Unit::Number) => Arc::new(numbers::<Int64Type>(values, nulls)?),
            Data::I64(values, Unit::Time) => {
                Arc::new(numbers::<TimestampNanosecondType>(values, nulls)?.with_timezone(TIME_ZONE))
            }
            Data::I64(values, Unit::Duration) => Arc::new(numbers::<DurationNanosecondType>(values, nulls)?),
            Data::F32(values) => Arc::new(numbers::<Float32Type>(values, nulls)?),
            Data::F64(values) => Arc::new(numbers::<Float64Type>(values, nulls)?),
            Data::Bool(bools, _) => Arc::new(BooleanArray::new(bools.finish(), nulls)),
            Data::Text(lengths) => {
                let Lengths { offsets, bytes } = std::mem::replace(lengths, Lengths::new());
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(StringArray::try_new(offsets, bytes.into(), nulls)?)
            }
            Data::Bytes(lengths) => {
                let Lengths { offsets, bytes } = std::mem::replace(lengths, Lengths::new());
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(BinaryArray::try_new(offsets, bytes.into(), nulls)?)
            }
            Data::Names(keys, names) => {
                let keys = numbers::<Int32Type>(keys, nulls)?;
                Arc::new(DictionaryArray::<Int32Type>::try_new(keys, names.finish())?)
            }
        })
    }
}

/// A number that only a narrower float holds exactly; NaN stays NaN.
fn push_narrow(floats: &mut Vec<f32>, value: f64) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "what changes is not stored")]
    let narrow = value as f32;
    let is_exact = f64::from(narrow).to_bits() == value.to_bits() || value.is_nan();
    if is_exact {
        floats.push(narrow);
    }
    is_exact
}

/// Stores a number where it fits.
#[inline]
fn push_number<N>(data: &mut Data, number: N) -> bool
where
    N: TryInto<u8>
        + TryInto<u16>
        + TryInto<u32>
        + TryInto<u64>
        + TryInto<i8>
        + TryInto<i16>
        + TryInto<i32>
        + TryInto<i64>,
{
    fn push<T, N: TryInto<T>>(values: &mut Vec<T>, number: N) -> bool {
        number.try_into().map(|number| values.push(number)).is_ok()
    }
    match data {
        Data::U8(values) => push(values, number),
        Data::U16(values) => push(values, number),
        Data::U32(values) => push(values, number),
        Data::U64(values) => push(values, number),
        Data::I8(values) => push(values, number),
        Data::I16(values) => push(values, number),
        Data::I32(values) => push(values, number),
        Data::I64(values, _) => push(values, number),
        _ => false,
    }
}
