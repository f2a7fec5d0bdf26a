//! What `.proto` files say: messages, enumerations and the methods of services, as flat tables that refer to each other by number.
//!
//! It reads the files when it is made, and nothing after that.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use prost_reflect::{Cardinality, DescriptorPool, EnumDescriptor, Kind as Described, MessageDescriptor};

/// The messages and the services of `.proto` files.
#[derive(Debug)]
pub struct Schema {
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) methods: Vec<Method>,
    by_name: HashMap<String, usize>,
}

/// Why `.proto` files can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// No file was given.
    #[error("no .proto file was given")]
    NoFiles,
    /// A file can't be read or is not valid: the file, and the line and column if they are known, come first.
    #[error("{0}")]
    Compile(String),
}

/// A type of message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) fields: BTreeMap<u32, Field>,
    /// Whether it is only the pair of a map.
    is_pair: bool,
    /// The fields that must be there, in proto2.
    pub(crate) required: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) is_list: bool,
    /// Which choice of its message it belongs to.
    pub(crate) oneof: Option<usize>,
}

/// The type of a field; messages and enumerations by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(usize),
    Message(usize),
    Group(usize),
}

#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) values: BTreeMap<i32, String>,
}

/// A method of a service.
#[derive(Debug)]
pub(crate) struct Method {
    /// What gRPC asks for: `/package.Service/Method`.
    pub(crate) path: String,
    pub(crate) input: usize,
    pub(crate) output: usize,
}

impl Schema {
    /// Reads `.proto` files. What they import is searched in the folders of `includes`, or beside the files if there are none; the
    /// types of `google/protobuf` are known.
    ///
    /// # Errors
    /// Names the file, the line and what is wrong.
    pub fn from_files<P: AsRef<Path>>(files: &[P], includes: &[PathBuf]) -> Result<Schema, SchemaError> {
        if files.is_empty() {
            return Err(SchemaError::NoFiles);
        }
        let folder = |file: &P| match file.as_ref().parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let includes =
            if includes.is_empty() { files.iter().map(folder).collect() } else { includes.to_vec() };
        // What is shown of these errors for debugging has the line, and their text has not.
        let wrong = |error: protox::Error| SchemaError::Compile(format!("{error:?}"));
        let mut compiler = protox::Compiler::new(includes).map_err(wrong)?;
        compiler.include_imports(true);
        for file in files {
            compiler.open_file(file).map_err(wrong)?;
        }
        Ok(Schema::of(&compiler.descriptor_pool()))
    }

    fn of(pool: &DescriptorPool) -> Schema {
        let by_name = |names: Vec<String>| names.into_iter().zip(0..).collect::<HashMap<String, usize>>();
        let messages: Vec<MessageDescriptor> = pool.all_messages().collect();
        let enums: Vec<EnumDescriptor> = pool.all_enums().collect();
        let enum_names = by_name(enums.iter().map(|one| one.full_name().to_owned()).collect());
        let names = by_name(messages.iter().map(|one| one.full_name().to_owned()).collect());
        let number = |message: &MessageDescriptor| names.get(message.full_name()).copied().unwrap_or(0);
        let enum_number = |one: &EnumDescriptor| enum_names.get(one.full_name()).copied().unwrap_or(0);
        let methods = pool.services().flat_map(|service| {
            let service_name = service.full_name().to_owned();
            let path = move |method: &str| format!("/{service_name}/{method}");
            let methods = service.methods().map(|method| (path(method.name()), method)).collect::<Vec<_>>();
            methods.into_iter().map(|(path, method)| (path, method.input(), method.output()))
        });
        Schema {
            methods: methods
                .map(|(path, input, output)| Method { path, input: number(&input), output: number(&output) })
                .collect(),
            messages: messages.iter().map(|message| described(message, &number, &enum_number)).collect(),
            enums: enums.iter().map(values).collect(),
            by_name: names,
        }
    }

    /// The full names of all types of messages that can be chosen, such as `package.Message`.
    pub fn message_names(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().filter(|message| !message.is_pair).map(|message| message.name.as_str())
    }

    pub(crate) fn message_named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

fn described(
    message: &MessageDescriptor,
    number: &dyn Fn(&MessageDescriptor) -> usize,
    enum_number: &dyn Fn(&EnumDescriptor) -> usize,
) -> Message {
    let kind = |kind: Described, is_group: bool| match kind {
        Described::Double => Kind::Double,
        Described::Float => Kind::Float,
        Described::Int32 => Kind::Int32,
        Described::Int64 => Kind::Int64,
        Described::Uint32 => Kind::Uint32,
        Described::Uint64 => Kind::Uint64,
        Described::Sint32 => Kind::Sint32,
        Described::Sint64 => Kind::Sint64,
        Described::Fixed32 => Kind::Fixed32,
        Described::Fixed64 => Kind::Fixed64,
        Described::Sfixed32 => Kind::Sfixed32,
        Described::Sfixed64 => Kind::Sfixed64,
        Described::Bool => Kind::Bool,
        Described::String => Kind::String,
        Described::Bytes => Kind::Bytes,
        Described::Enum(one) => Kind::Enum(enum_number(&one)),
        Described::Message(one) if is_group => Kind::Group(number(&one)),
        Described::Message(one) => Kind::Message(number(&one)),
    };
    let oneofs: Vec<String> =
        message.oneofs().filter(|one| !one.is_synthetic()).map(|one| one.full_name().to_owned()).collect();
    let own = message.fields().map(|field| {
        let oneof = field.containing_oneof();
        let oneof = oneof.and_then(|oneof| oneofs.iter().position(|name| name == oneof.full_name()));
        let described = Field {
            name: field.name().to_owned(),
            kind: kind(field.kind(), field.is_group()),
            is_list: field.is_list() || field.is_map(),
            oneof,
        };
        (field.number(), described)
    });
    let extensions = message.extensions().map(|field| {
        let described = Field {
            name: field.full_name().to_owned(),
            kind: kind(field.kind(), field.is_group()),
            is_list: field.is_list(),
            oneof: None,
        };
        (field.number(), described)
    });
    let required = message.fields().filter(|field| field.cardinality() == Cardinality::Required);
    Message {
        name: message.full_name().to_owned(),
        is_pair: message.is_map_entry(),
        required: required.map(|field| field.number()).collect(),
        fields: own.chain(extensions).collect(),
    }
}

fn values(one: &EnumDescriptor) -> Enum {
    let mut values = BTreeMap::new();
    for value in one.values() {
        // Of several names for a number, the first is its own.
        values.entry(value.number()).or_insert_with(|| value.name().to_owned());
    }
    Enum { values }
}
