//! Arguments that several commands take.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use framescope_capture::export::Fields;
use framescope_capture::filter::Filter;
use framescope_capture::{Client, DecodeAs, Options};
use framescope_live::Limits;
use framescope_parser::missive::Key;
use thiserror::Error;

use crate::error::Error;

/// What FILE may be.
pub(crate) const CAPTURE_HELP: &str = "A capture, also compressed with gzip or zstd, or - for standard input. \
    A file that is not a capture is read as the bytes of one stream; docs/captures.md lists the formats";

/// A capture, and what it is read with.
#[derive(Debug, Args)]
pub(crate) struct CaptureArgs {
    #[arg(help = CAPTURE_HELP)]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// What captures are read with.
#[derive(Debug, Args)]
pub(crate) struct ReadingArgs {
    /// Read some flows as this protocol, whatever they look like; the last rule that fits wins.
    ///
    /// SELECTOR is tcp, udp, tcp.port=N, udp.port=N, ip=ADDRESS, flow=N or file: --as tcp.port=9000=missive. With file, a capture is
    /// read as the bytes of one stream too. What is carried in other messages is selected by what carries it, such as tls, or
    /// websocket.binary:path=/chat; docs/carriers.md lists the channels.
    #[arg(long = "as", value_name = "SELECTOR=PROTOCOL")]
    pub(crate) decode_as: Vec<DecodeAs>,

    /// Add the protocol that this .ksy file describes; docs/own-protocol.md shows how to write one.
    ///
    /// Descriptions in the folder .framescope here and in the folder framescope/protocols of your configuration are always added.
    #[arg(long = "protocol", value_name = "FILE.ksy")]
    pub(crate) protocols: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) imports: ImportArgs,

    /// This endpoint opened its conversations: an address, a port, or both, such as 10.0.0.1:5000.
    ///
    /// Needed only where the two sides speak differently and the capture does not show who opened the connection: otherwise the SYN
    /// shows it, or the port of --as or the description, or what the first bytes look like.
    #[arg(long = "client", value_name = "ENDPOINT")]
    pub(crate) clients: Vec<Client>,

    /// Decrypt TLS with the secrets in this key log, which the program writes where SSLKEYLOGFILE says; it may grow.
    ///
    /// May be repeated. The file that the variable SSLKEYLOGFILE names is read as well, and so are the secrets in a pcapng capture.
    /// docs/carriers.md says how to have a key log written.
    #[arg(long = "keylog", value_name = "FILE")]
    pub(crate) keylogs: Vec<PathBuf>,

    /// Name the fields of protobuf messages as this .proto file does: those of gRPC by the method that is called, and others where --as
    /// names a type of message, such as websocket.binary=chat.Message, or chat.Message-delimited if each has its length before it.
    ///
    /// May be repeated.
    #[arg(long = "proto", value_name = "FILE.proto")]
    pub(crate) protos: Vec<PathBuf>,

    /// Look up what .proto files import in this folder; otherwise beside the files.
    #[arg(long = "proto-path", value_name = "FOLDER")]
    pub(crate) proto_folders: Vec<PathBuf>,

    /// Verify authenticated messages with this key: hexadecimal digits, or @FILE for a file that holds them
    #[arg(long, value_name = "HEX|@KEYFILE", value_parser = parse_key)]
    pub(crate) key: Option<Key>,

    /// Unpack at most this much of a compressed capture, and copy at most this much of standard input: 4GiB or 500MB.
    ///
    /// Both go to the temporary folder, which also keeps a reserve. What is beyond the limit is not read, and the exit status is 1.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "16GiB")]
    pub(crate) unpack_limit: u64,
}

/// Where descriptions are that others import.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Look up what a description imports by absolute path, such as /common/bcd, in this folder.
    ///
    /// May be repeated; the first folder that has it is used. Then the folders in the variable KSYPATH are searched, and those around the
    /// description.
    #[arg(long = "ksy-path", value_name = "FOLDER")]
    pub(crate) folders: Vec<PathBuf>,
}

/// Which messages.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Only messages that match this filter, such as 'kind == DATA and payload contains "hello"'.
    ///
    /// `framescope columns` lists columns and fields; docs/filter.md describes the language.
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
}

impl FilterArgs {
    /// The filter, if there is one.
    pub(crate) fn parse(&self, options: &Options) -> Result<Option<Filter>, Error> {
        let Some(expression) = &self.filter else { return Ok(None) };
        Filter::parse(expression, &options.protocols).map(Some).map_err(Error::Filter)
    }
}

/// Which fields.
#[derive(Debug, Args)]
pub(crate) struct FieldsArgs {
    /// Only these columns and fields of each message, in this order, as JSON, CSV or a table: time,kind,sequence,payload.content.
    ///
    /// Names are those of --filter; `framescope columns` lists them, and docs/output.md says how values are written.
    #[arg(long, value_name = "NAME,NAME...")]
    fields: Option<String>,
}

impl FieldsArgs {
    /// The fields, if some were chosen. `is_table` says whether the output format has fields to choose.
    pub(crate) fn parse(&self, is_table: bool, options: &Options) -> Result<Option<Fields>, Error> {
        let Some(names) = &self.fields else { return Ok(None) };
        if !is_table {
            return Err(Error::FieldsOfText);
        }
        Fields::parse(names, &options.protocols).map(Some).map_err(Error::Fields)
    }
}

/// What may be sent, and how fast.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// The program may be on another machine
    #[arg(long)]
    yes_remote: bool,

    /// Send at most so many messages a second; 0 for any number
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    rate: u32,
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        Limits { allow_remote: self.yes_remote, rate: NonZeroU32::new(self.rate) }
    }
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

/// What is wrong with a key's digits.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why no key could be made of an argument.
#[derive(Debug, Error)]
pub(crate) enum KeyError {
    #[error("{path} can't be read: {cause}")]
    Unreadable { path: String, cause: std::io::Error },
    #[error("{path}: {cause}")]
    InFile { path: String, cause: Cause },
    #[error("{0}")]
    Digits(Cause),
}

/// A key from its hexadecimal digits, or from a file after `@`.
pub(crate) fn parse_key(text: &str) -> Result<Key, KeyError> {
    let Some(path) = text.strip_prefix('@') else {
        return Key::from_hex(text).map_err(|cause| KeyError::Digits(cause.into()));
    };
    let path = path.to_owned();
    match std::fs::read_to_string(&path) {
        Ok(hex) => Key::from_hex(&hex).map_err(|cause| KeyError::InFile { path, cause: cause.into() }),
        Err(cause) => Err(KeyError::Unreadable { path, cause }),
    }
}

#[derive(Debug, Error)]
#[error("'{0}' is not a size; write it as 4GiB, 500MB or 1000000")]
pub(crate) struct SizeError(String);

/// A number of bytes, with or without a unit.
pub(crate) fn parse_size(text: &str) -> Result<u64, SizeError> {
    let size: Result<bytesize::ByteSize, _> = text.parse();
    size.map(|size| size.as_u64()).map_err(|_| SizeError(text.to_owned()))
}
