//! One dictionary for a column in all batches: a file has one of each, to which later batches only add.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, ListArray, RecordBatch, StringArray, StructArray};
use arrow_schema::{ArrowError, DataType};
use rustc_hash::FxHashMap;

/// The dictionaries of a file, in the order of its columns.
#[derive(Default)]
pub(super) struct Dictionaries {
    all: Vec<Dictionary>,
}

#[derive(Default)]
struct Dictionary {
    places: FxHashMap<Box<str>, i32>,
    names: Vec<Box<str>>,
    array: Option<ArrayRef>,
}

impl Dictionaries {
    /// The same batch, with the dictionaries of the file.
    pub(super) fn unify(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut next = 0;
        let columns = batch.columns().iter().map(|column| self.column(column, &mut next));
        RecordBatch::try_new(batch.schema(), columns.collect::<Result<_, _>>()?)
    }

    fn column(&mut self, array: &ArrayRef, next: &mut usize) -> Result<ArrayRef, ArrowError> {
        match array.data_type() {
            DataType::Struct(fields) => {
                let array = array.as_struct();
                let columns = array.columns().iter().map(|column| self.column(column, next));
                let columns = columns.collect::<Result<_, _>>()?;
                let (nulls, len) = (array.nulls().cloned(), array.len());
                Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, len)?))
            }
            DataType::List(field) => {
                let array = array.as_list::<i32>();
                let values = self.column(array.values(), next)?;
                let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
                Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, nulls)?))
            }
            DataType::Dictionary(..) => {
                if self.all.len() <= *next {
                    self.all.push(Dictionary::default());
                }
                *next += 1;
                match self.all.get_mut(*next - 1) {
                    Some(dictionary) => dictionary.unify(array.as_dictionary()),
                    None => Ok(Arc::clone(array)),
                }
            }
            _ => Ok(Arc::clone(array)),
        }
    }
}

impl Dictionary {
    fn unify(&mut self, array: &DictionaryArray<Int32Type>) -> Result<ArrayRef, ArrowError> {
        let names = array.values().as_string::<i32>();
        let known = self.names.len();
        let places: Vec<i32> = names.iter().flatten().map(|name| self.place(name)).collect();
        let values = match &self.array {
            Some(array) if self.names.len() == known => Arc::clone(array),
            _ => {
                let all = self.names.iter().map(|name| &**name);
                let all: ArrayRef = Arc::new(StringArray::from_iter_values(all));
                Arc::clone(self.array.insert(all))
            }
        };
        let is_same = places.iter().enumerate().all(|(at, &place)| i32::try_from(at) == Ok(place));
        let keys = match is_same {
            true => array.keys().clone(),
            false => array.keys().unary_opt(|key| places.get(usize::try_from(key).ok()?).copied()),
        };
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
    }

    fn place(&mut self, name: &str) -> i32 {
        if let Some(&place) = self.places.get(name) {
            return place;
        }
        let place = i32::try_from(self.names.len()).unwrap_or(i32::MAX);
        self.names.push(name.into());
        self.places.insert(name.into(), place);
        place
    }
}
