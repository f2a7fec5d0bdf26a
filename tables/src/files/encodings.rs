//! How the columns of a Parquet file are best encoded, as a sample of their values shows.

use std::hash::BuildHasher;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    DurationNanosecondType, Int8Type, Int16Type, Int32Type, Int64Type, TimestampNanosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::DataType;
use parquet::basic::Encoding;
use rustc_hash::{FxBuildHasher, FxHashSet};

/// How a column is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    /// Whether different values are stored once, as long as they are few.
    pub(super) dictionary: bool,
    /// How values are stored without a dictionary; None as they are.
    pub(super) encoding: Option<Encoding>,
}

/// Fewer values show nothing.
const FEWEST: usize = 64;
/// How many differences of numbers are packed in as many bits as the greatest of them needs.
const PACKED: usize = 32;

/// How each column without columns in it is encoded, in the order of the file.
pub(super) fn of_columns(columns: &[ArrayRef]) -> Vec<Encoded> {
    let mut all = Vec::new();
    columns.iter().for_each(|column| add(column, &mut all));
    all
}

fn add(column: &ArrayRef, all: &mut Vec<Encoded>) {
    match column.data_type() {
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|column| add(column, all)),
        DataType::List(_) => add(column.as_list::<i32>().values(), all),
        DataType::Boolean => all.push(Encoded { dictionary: false, encoding: None }),
        DataType::Float32 | DataType::Float64 => all.push(Encoded { dictionary: true, encoding: None }),
        DataType::Dictionary(..) => all.push(of_texts(true)),
        DataType::Utf8 => {
            let texts = column.as_string::<i32>().iter().flatten();
            all.push(of_texts(do_repeat(texts.map(|text| FxBuildHasher.hash_one(text)))));
        }
        DataType::Binary => {
            let values = column.as_binary::<i32>().iter().flatten();
            all.push(of_texts(do_repeat(values.map(|value| FxBuildHasher.hash_one(value)))));
        }
        data_type => {
            // Parquet has no numbers of fewer than 32 bits.
            let bits = if data_type.primitive_width() == Some(8) { 64 } else { 32 };
            all.push(of_numbers(&numbers(column), bits));
        }
    }
}

fn of_texts(dictionary: bool) -> Encoded {
    // The lengths of texts apart from their bytes, which are packed better so.
    Encoded { dictionary, encoding: Some(Encoding::DELTA_LENGTH_BYTE_ARRAY) }
}

/// Whether values occur several times, so that a dictionary is of use.
fn do_repeat(values: impl Iterator<Item = u64>) -> bool {
    let (mut different, mut count) = (FxHashSet::default(), 0);
    for value in values {
        count += 1;
        different.insert(value);
    }
    count < FEWEST || different.len() <= count / 2
}

/// Numbers of so many bits: what takes the fewest bits of places in a dictionary, differences, and numbers as they are.
fn of_numbers(numbers: &[i128], bits: u32) -> Encoded {
    let differences = Some(Encoding::DELTA_BINARY_PACKED);
    if numbers.len() < FEWEST {
        return Encoded { dictionary: true, encoding: differences };
    }
    let different: FxHashSet<i128> = numbers.iter().copied().collect();
    let is_few = different.len() <= numbers.len() / 2;
    let place_bits = usize::BITS - different.len().leading_zeros();
    let steps: Vec<i128> =
        numbers.windows(2).map(|pair| pair.iter().rev().copied().fold(0, |a, b| b - a)).collect();
    let width = |steps: &[i128]| {
        let (least, most) = (steps.iter().min().copied(), steps.iter().max().copied());
        let range = most.unwrap_or(0) - least.unwrap_or(0);
        u64::from(i128::BITS - range.leading_zeros())
    };
    let (packs, all) = (steps.len().div_ceil(PACKED) as u64, steps.chunks(PACKED).map(width).sum::<u64>());
    let step_bits = all / packs.max(1);
    Encoded {
        dictionary: is_few && u64::from(place_bits) <= step_bits,
        encoding: differences.filter(|_| step_bits + 1 < u64::from(bits)),
    }
}

fn numbers(column: &ArrayRef) -> Vec<i128> {
    fn all<T: ArrowPrimitiveType>(column: &ArrayRef) -> Vec<i128>
    where
        T::Native: Into<i128>,
    {
        column.as_primitive::<T>().iter().flatten().map(Into::into).collect()
    }
    match column.data_type() {
        DataType::UInt8 => all::<UInt8Type>(column),
        DataType::UInt16 => all::<UInt16Type>(column),
        DataType::UInt32 => all::<UInt32Type>(column),
        DataType::UInt64 => all::<UInt64Type>(column),
        DataType::Int8 => all::<Int8Type>(column),
        DataType::Int16 => all::<Int16Type>(column),
        DataType::Int32 => all::<Int32Type>(column),
        DataType::Int64 => all::<Int64Type>(column),
        DataType::Timestamp(..) => all::<TimestampNanosecondType>(column),
        DataType::Duration(_) => all::<DurationNanosecondType>(column),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{StringArray, UInt32Array};

    use super::*;

    #[test]
    fn a_column_is_encoded_as_its_values_are() {
        let numbers = |number: fn(u32) -> u32| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values((0..1000).map(number)))
        };
        let texts = |text: fn(u32) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((0..1000).map(text)))
        };
        let columns = [
            numbers(|n| n * 7),
            numbers(|n| n.wrapping_mul(0x9E37_79B9).rotate_left(13)),
            numbers(|n| [100, 70_000_000, 3][n as usize % 3]),
            texts(|n| format!("text {n}")),
            texts(|n| format!("text {}", n % 9)),
            numbers(|_| 5),
        ];
        let (delta, length) = (Some(Encoding::DELTA_BINARY_PACKED), Some(Encoding::DELTA_LENGTH_BYTE_ARRAY));
        let expected =
            [(false, delta), (false, None), (true, delta), (false, length), (true, length), (false, delta)];
        let found: Vec<_> = of_columns(&columns).iter().map(|one| (one.dictionary, one.encoding)).collect();
        assert_eq!(found, expected);
        // A sample without values shows nothing.
        let empty: ArrayRef = Arc::new(UInt32Array::new_null(500));
        assert_eq!(of_columns(&[empty]), [Encoded { dictionary: true, encoding: delta }]);
    }
}
