//! The problem that only this protocol reports.

use framescope_parser::{CodeSet, Dissection, Protocol, Severity};
use own_protocol::checks::{Telemetry, UNKNOWN_SENSOR};

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x8408 } else { 0 })
    })
}

/// The name of a sensor.
fn name_of(sensor: u16) -> Vec<u8> {
    let mut message = vec![0xA7, 2, 5, 0];
    message.extend(sensor.to_le_bytes());
    message.extend(b"\x02ab");
    message.extend(crc(&message).to_le_bytes());
    message
}

#[test]
fn a_message_has_the_protocols_own_problem_at_the_field() {
    let bytes = name_of(700);
    let message = Dissection::of(&Telemetry, &bytes);
    let [problem] = &message.problems[..] else { panic!("{:?}", message.problems) };
    assert_eq!((problem.code, problem.range.clone()), (UNKNOWN_SENSOR, 4..6));
    assert_eq!(problem.text, "sensor 700 is not one of 1 to 99");
    assert_eq!((problem.code.as_str(), problem.code.severity()), ("unknown-sensor", Severity::Warning));
    assert!(Dissection::of(&Telemetry, &name_of(7)).problems.is_empty());
    let codes: CodeSet = message.problems.iter().map(|problem| problem.code).collect();
    assert_eq!((codes.iter().count(), codes.worst()), (1, Some(Severity::Warning)));
}

#[test]
fn the_protocol_makes_it_known_by_its_name() {
    let codes = Telemetry.codes().unwrap();
    assert_eq!(codes.name(), Telemetry.name());
    assert_eq!(codes.code_named("telemetry.unknown-sensor"), Some(UNKNOWN_SENSOR));
    for code in codes.codes() {
        let sentences = [code.meaning(), code.usual_cause(), code.what_to_do()];
        assert!(sentences.iter().all(|text| text.ends_with('.')), "{code}");
    }
}
