//! What a description can't express: this program knows which sensors there are, and reports the others as a custom
//! problem.

use std::fmt;
use std::ops::Range;

use framescope_parser::{
    Captured, Code, CodeDomain, CodeInfo, Confidence, Dissection, Error, Input, Kind, Measure, Memo, Names,
    Protocol, Sample, Severity, Step, Value, Visit,
};

use crate::DESCRIBED;

/// The problems that only this protocol reports. Its name is the protocol's.
pub static CODES: CodeDomain = CodeDomain::new(
    "telemetry",
    &[CodeInfo {
        name: "unknown-sensor",
        severity: Severity::Warning,
        meaning: "The sensor's number is not in the list of sensors.",
        usual_cause: "The sensor is newer than this list, or its number was written in the wrong byte order.",
        what_to_do: "Add the sensor to the list, or compare the two bytes of its number with the sender's.",
    }],
);

/// The sensor's number is not in [`SENSORS`].
pub const UNKNOWN_SENSOR: Code = CODES.code(0);

/// The numbers of all sensors.
pub const SENSORS: Range<u64> = 1..100;

/// The described protocol, and what this program knows beside the description.
pub struct Telemetry;

impl Protocol for Telemetry {
    fn name(&self) -> &str {
        DESCRIBED.name()
    }

    fn about(&self) -> &str {
        DESCRIBED.about()
    }

    fn codes(&self) -> Option<&'static CodeDomain> {
        Some(&CODES)
    }

    fn dissect<'a>(&'a self, message: &'a [u8], visit: &mut dyn Visit<'a>) {
        DESCRIBED.dissect(message, &mut CheckSensors(visit));
    }

    fn dissect_incomplete<'a>(&'a self, message: Captured<'a, '_>, visit: &mut dyn Visit<'a>) {
        DESCRIBED.dissect_incomplete(message, &mut CheckSensors(visit));
    }

    // Everything else is the description's.

    fn names(&self) -> Names {
        DESCRIBED.names()
    }

    fn ends_with_segment(&self) -> bool {
        DESCRIBED.ends_with_segment()
    }

    fn can_resync(&self) -> bool {
        DESCRIBED.can_resync()
    }

    fn measure(&self, message: Captured<'_, '_>) -> Measure {
        DESCRIBED.measure(message)
    }

    fn next(&self, input: Input<'_>, memo: &mut Memo) -> Step {
        DESCRIBED.next(input, memo)
    }

    fn encode(&self, message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        DESCRIBED.encode(message, out)
    }

    fn detect(&self, sample: Sample<'_>) -> Confidence {
        DESCRIBED.detect(sample)
    }
}

/// Passes on what is reported, and adds the problem after the field that has it.
struct CheckSensors<'v, 'a>(&'v mut dyn Visit<'a>);

impl<'a> Visit<'a> for CheckSensors<'_, 'a> {
    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        let sensor = value.as_u64().filter(|sensor| name == "sensor" && !SENSORS.contains(sensor));
        self.0.field(name, range.clone(), value);
        if let Some(sensor) = sensor {
            let text = format_args!("sensor {sensor} is not one of {} to {}", SENSORS.start, SENSORS.end - 1);
            self.0.problem(UNKNOWN_SENSOR, range, text);
        }
    }

    fn kind(&mut self, kind: Kind<'a>) {
        self.0.kind(kind);
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.0.begin(name, range, value);
    }

    fn end(&mut self) {
        self.0.end();
    }

    fn problem(&mut self, code: Code, range: Range<usize>, text: fmt::Arguments<'_>) {
        self.0.problem(code, range, text);
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.0.summary(text);
    }
}
