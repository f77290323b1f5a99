//! Answers of commands, as text for people or as JSON for programs.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::{Failure, Form, Reply, Sink};
use crate::domain::progress::Step;

/// Receiver and form of a command's answer.
pub(super) struct Answer<'a> {
    pub(super) form: Form,
    pub(super) sink: &'a mut dyn Sink,
}

impl Answer<'_> {
    /// Sends one item: as a line of text, or as an object with these members.
    pub(super) fn say<'n>(
        &mut self,
        text: impl FnOnce() -> String,
        members: impl IntoIterator<Item = (&'n str, Value)>,
    ) -> Result<(), Failure> {
        match self.form {
            Form::Text => self.line(text()),
            Form::Json => {
                let members = members.into_iter();
                let members = members.map(|(name, value)| (name.to_owned(), value));
                self.line(Value::Object(members.collect::<Map<_, _>>()))
            }
        }
    }

    /// Passes a line on unchanged.
    pub(super) fn line(&mut self, line: impl ToString) -> Result<(), Failure> {
        Ok(self.sink.send(Reply::Line(line.to_string()))?)
    }

    /// Reports the progress of the command. Stops it if its caller is gone.
    pub(super) fn step(&mut self, step: Step) -> ControlFlow<()> {
        match self.sink.send(step.into()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// Formats a number with its noun: `1 task`, `2 tasks`.
pub fn count(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}
