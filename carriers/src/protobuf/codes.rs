//! The problems of protobuf and of gRPC's prefix.

use framescope_parser::{Code, CodeDomain, CodeInfo, Severity};

/// The problems that `protobuf` and `grpc` report.
pub static CODES: CodeDomain = CodeDomain::new(
    "protobuf",
    &[
        CodeInfo {
            name: "not-a-field",
            severity: Severity::Error,
            meaning: "No field of protobuf begins here, so that the rest of its message can't be read.",
            usual_cause: "The bytes are not protobuf, are cut off, or are compressed or encrypted.",
            what_to_do: "Check what the sender writes, and whether a prefix comes before the message.",
        },
        CodeInfo {
            name: "wire-type",
            severity: Severity::Error,
            meaning: "A field is encoded in another way than its type in the schema is.",
            usual_cause: "The sender uses another version of the .proto file, or the message is of another type.",
            what_to_do: "Compare the .proto files of both sides: a number must keep its type for ever.",
        },
        CodeInfo {
            name: "required-missing",
            severity: Severity::Error,
            meaning: "A field that the schema requires is not there.",
            usual_cause: "The sender uses another version of the .proto file, or the message is of another type.",
            what_to_do: "Compare the .proto files of both sides.",
        },
        CodeInfo {
            name: "oneof-repeated",
            severity: Severity::Warning,
            meaning: "Several members of one oneof are in a message; only the last one counts.",
            usual_cause: "Two messages were joined, or the message was not written by a library.",
            what_to_do: "Look at what writes the message.",
        },
        CodeInfo {
            name: "too-deep",
            severity: Severity::Warning,
            meaning: "Messages are in each other so often that the innermost are not read.",
            usual_cause: "A recursive structure without a limit, or bytes that are meant to exhaust their reader.",
            what_to_do: "Give the receiver a limit: most libraries refuse more than 100 levels.",
        },
        CodeInfo {
            name: "grpc-flag",
            severity: Severity::Error,
            meaning: "The first byte of a message of gRPC is neither 0 nor 1.",
            usual_cause: "The bytes are not a message of gRPC, or bytes before it were counted wrong.",
            what_to_do: "Compare the length in the message before with what follows it.",
        },
        CodeInfo {
            name: "too-many-fields",
            severity: Severity::Note,
            meaning: "The message has more fields than are shown.",
            usual_cause: "A very long list that is not packed, or a message that was made to exhaust its reader.",
            what_to_do: "Look at the bytes; the fields at the beginning are shown.",
        },
    ],
);

pub(crate) const NOT_A_FIELD: Code = CODES.code(0);
pub(crate) const WIRE_TYPE: Code = CODES.code(1);
pub(crate) const REQUIRED_MISSING: Code = CODES.code(2);
pub(crate) const ONEOF_REPEATED: Code = CODES.code(3);
pub(crate) const TOO_DEEP: Code = CODES.code(4);
pub(crate) const GRPC_FLAG: Code = CODES.code(5);
pub(crate) const TOO_MANY_FIELDS: Code = CODES.code(6);
