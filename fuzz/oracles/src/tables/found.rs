//! The values of Arrow arrays as JSON.

use framescope_capture::export::{hex, rfc3339};
use framescope_tables::arrow_array::cast::AsArray;
use framescope_tables::arrow_array::types::{
    DurationNanosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use framescope_tables::arrow_array::{Array, ArrowPrimitiveType};
use framescope_tables::arrow_schema::DataType;
use serde_json::{Value as Json, json};

/// The value in a place.
pub(super) fn value_at(array: &dyn Array, at: usize) -> Json {
    fn number<T: ArrowPrimitiveType>(array: &dyn Array, at: usize) -> T::Native {
        array.as_primitive::<T>().value(at)
    }
    if array.is_null(at) {
        return Json::Null;
    }
    match array.data_type() {
        DataType::UInt8 => number::<UInt8Type>(array, at).into(),
        DataType::UInt16 => number::<UInt16Type>(array, at).into(),
        DataType::UInt32 => number::<UInt32Type>(array, at).into(),
        DataType::UInt64 => number::<UInt64Type>(array, at).into(),
        DataType::Int8 => number::<Int8Type>(array, at).into(),
        DataType::Int16 => number::<Int16Type>(array, at).into(),
        DataType::Int32 => number::<Int32Type>(array, at).into(),
        DataType::Int64 => number::<Int64Type>(array, at).into(),
        DataType::Float32 => float(f64::from(number::<Float32Type>(array, at))),
        DataType::Float64 => float(number::<Float64Type>(array, at)),
        DataType::Boolean => array.as_boolean().value(at).into(),
        DataType::Utf8 => array.as_string::<i32>().value(at).into(),
        DataType::Binary => json!({ "bytes": hex(array.as_binary::<i32>().value(at)) }),
        DataType::Timestamp(..) => rfc3339(number::<TimestampNanosecondType>(array, at)).into(),
        DataType::Duration(_) => number::<DurationNanosecondType>(array, at).into(),
        DataType::Dictionary(..) => {
            let array = array.as_dictionary::<Int32Type>();
            value_at(&**array.values(), array.keys().value(at).try_into().unwrap())
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(at);
            (0..items.len()).map(|at| value_at(&*items, at)).collect()
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            columns.map(|(field, column)| (field.name().clone(), value_at(&**column, at))).collect()
        }
        other => panic!("a column of the type {other}"),
    }
}

/// As it is read back from what is written of it.
fn float(value: f64) -> Json {
    serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap()
}
