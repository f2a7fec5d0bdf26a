//! How well a description fits a capture: how much it explains, which fields have problems, what never changes, which numbers
//! have no name, and which messages do not encode to the same bytes.

mod comparison;

use std::io::{self, Write};

use framescope_capture::RowId;
use framescope_parser::{Code, Severity};
use serde::{Serialize, Serializer};

pub use self::comparison::health;

/// How well a description fits.
#[derive(Debug, Default, Serialize)]
pub struct Health {
    /// The protocol.
    pub protocol: String,
    /// Its messages.
    pub messages: u64,
    /// Rows of its streams that are not messages: skipped, cut off or missing.
    pub other_rows: u64,
    /// Bytes of its streams that were captured.
    pub bytes: u64,
    /// How many of them fields explain.
    pub explained_bytes: u64,
    /// Problems, by field and code.
    pub problems: Vec<Finding>,
    /// Fields that have the same value in every message.
    pub constant: Vec<Constant>,
    /// Numbers without a name, in fields that have an enum.
    pub undeclared: Vec<Undeclared>,
    /// Members of enums that no message has.
    pub unseen: Vec<Unseen>,
    /// How many messages do not encode to the same bytes.
    pub not_written_back: u64,
    /// The first of their rows.
    #[serde(serialize_with = "numbers")]
    pub not_written_back_rows: Vec<RowId>,
}

/// A problem that messages have.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The field's path; empty where the problem is not in a field.
    pub field: String,
    /// What is wrong.
    pub code: Code,
    /// How bad that is.
    pub severity: Severity,
    /// How often.
    pub count: u64,
    /// The first rows.
    #[serde(serialize_with = "numbers")]
    pub rows: Vec<RowId>,
}

/// A field that never changes.
#[derive(Debug, Serialize)]
pub struct Constant {
    /// Its path.
    pub field: String,
    /// Its value, as it is shown.
    pub value: String,
    /// How often it was there.
    pub count: u64,
}

/// A number without a name where others have one.
#[derive(Debug, Serialize)]
pub struct Undeclared {
    /// The field's path.
    pub field: String,
    /// The number.
    pub value: i128,
    /// How often.
    pub count: u64,
}

/// Members of an enum that were not seen.
#[derive(Debug, Serialize)]
pub struct Unseen {
    /// The path of the first field that has the enum.
    pub field: String,
    /// How many fields have it.
    pub fields: usize,
    /// Their names.
    pub members: Vec<String>,
}

impl Unseen {
    /// The fields, as text for a person.
    pub fn fields_text(&self) -> String {
        match self.fields {
            0 | 1 => self.field.clone(),
            2 => format!("{} and another field", self.field),
            fields => format!("{} and {} more fields", self.field, fields - 1),
        }
    }
}

impl Health {
    /// Whether the description explains the capture completely, without errors or warnings.
    pub fn fits(&self) -> bool {
        self.messages > 0
            && self.explained_bytes == self.bytes
            && self.not_written_back == 0
            && self.undeclared.is_empty()
            && self.problems.iter().all(|finding| finding.severity < Severity::Warning)
    }

    /// Writes it as text for a person.
    ///
    /// # Errors
    /// `out` can't be written.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.messages + self.other_rows == 0 {
            return writeln!(
                out,
                "No stream of the capture is {}. Name its ports with --as tcp.port=N={0}, or with 'ports' in the description.",
                self.protocol
            );
        }
        writeln!(out, "{} messages of {}, {} other rows", self.messages, self.protocol, self.other_rows)?;
        #[allow(clippy::cast_precision_loss)] // A share for a person.
        let share = self.explained_bytes as f64 * 100.0 / self.bytes.max(1) as f64;
        writeln!(out, "{} of {} bytes explained ({share:.2} %)", self.explained_bytes, self.bytes)?;
        match self.not_written_back {
            0 => writeln!(out, "every message encodes to the same bytes, except for checks that fail")?,
            count => writeln!(
                out,
                "{count} messages do not encode to the same bytes: {}",
                row_list(&self.not_written_back_rows)
            )?,
        }
        self.write_problems(out)?;
        self.write_values(out)
    }

    fn write_problems(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.problems.is_empty() {
            writeln!(out, "\nProblems by field:")?;
        }
        for Finding { field, code, severity, count, rows: first } in &self.problems {
            let field = if field.is_empty() { "(the row)" } else { field };
            writeln!(
                out,
                "  {count:6}  {:7} {:24} {field}  {}",
                severity.as_str(),
                code.as_str(),
                row_list(first)
            )?;
        }
        Ok(())
    }

    fn write_values(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.undeclared.is_empty() {
            writeln!(out, "\nNumbers without a name:")?;
        }
        for Undeclared { field, value, count } in &self.undeclared {
            writeln!(out, "  {count:6}  {field} = {value} ({value:#x})")?;
        }
        if !self.unseen.is_empty() {
            writeln!(out, "\nNames that no message has:")?;
        }
        for found in &self.unseen {
            let Unseen { members, .. } = found;

            let shown: Vec<&str> = members.iter().take(8).map(String::as_str).collect();
            let more =
                if members.len() > 8 { format!(" and {} more", members.len() - 8) } else { String::new() };
            writeln!(out, "  {}: {}{more}", found.fields_text(), shown.join(", "))?;
        }
        if !self.constant.is_empty() {
            writeln!(out, "\nFields that never change:")?;
        }
        for Constant { field, value, count } in &self.constant {
            writeln!(out, "  {count:6}  {field} = {value}")?;
        }
        Ok(())
    }
}

fn numbers<S: Serializer>(rows: &[RowId], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(rows.iter().map(|row| row.number()))
}

fn row_list(rows: &[RowId]) -> String {
    let rows: Vec<String> = rows.iter().map(|row| format!("#{row}")).collect();
    rows.join(" ")
}
