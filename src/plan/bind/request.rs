//! Request bytes → a decoded, validated request whose fields are asked for by name.

use std::borrow::Cow;

use bytes::Bytes;
use prost_protovalidate::Error as Invalid;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage as _, Value};

use super::Failure;
use crate::call::Hints;
use crate::contract::options::Reason;
use crate::plan::mask::{self, Mask};
use crate::plan::{Plans, Violation};

/// The metadata key that stands in for `read_mask`.
pub const MASK_HINT: &str = "rowcall-read-mask";

/// A request and what is wrong with it so far.
#[derive(Debug)]
pub struct Request {
    message: DynamicMessage,
    pub violations: Vec<Violation>,
}

impl Request {
    pub fn decode(plans: &Plans, input: &MessageDescriptor, bytes: Bytes) -> Result<Self, Failure> {
        let message = DynamicMessage::decode(input.clone(), bytes).map_err(|_| {
            let text = format!("the request is no {}: send the message the contract says", input.full_name());
            Violation::new(Reason::FieldInvalid, "", text)
        })?;
        let violations = validate(plans, &message);
        Ok(Request { message, violations })
    }

    pub fn wrap(message: DynamicMessage) -> Self {
        Request { message, violations: Vec::new() }
    }

    pub fn field(&self, name: &str) -> Option<FieldDescriptor> {
        self.message.descriptor().get_field_by_name(name)
    }

    pub fn descriptor(&self) -> MessageDescriptor {
        self.message.descriptor()
    }

    pub fn has(&self, field: &FieldDescriptor) -> bool {
        self.message.has_field(field)
    }

    /// Its default when it is not set.
    pub fn given(&self, field: &FieldDescriptor) -> Cow<'_, Value> {
        self.message.get_field(field)
    }

    /// None when the request has no such field, or when it is not set.
    pub fn value(&self, name: &str) -> Option<Value> {
        let field = self.field(name)?;
        self.message.has_field(&field).then(|| self.message.get_field(&field).into_owned())
    }

    /// Empty when absent.
    pub fn text(&self, name: &str) -> String {
        match self.value(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Bool(true)))
    }

    /// None when absent or zero; negative is a violation.
    pub fn count(&mut self, name: &str) -> Option<u64> {
        let count = match self.value(name)? {
            Value::I32(count) => i64::from(count),
            Value::I64(count) => count,
            Value::U32(count) => i64::from(count),
            Value::U64(count) => i64::try_from(count).unwrap_or(i64::MAX),
            _ => return None,
        };
        match u64::try_from(count) {
            Ok(count) => Some(count).filter(|&count| count > 0),
            Err(_) => {
                self.refuse(Reason::FieldInvalid, name, format!("is {count}: it cannot be negative"));
                None
            }
        }
    }

    pub fn refuse(&mut self, reason: Reason, field: impl Into<String>, text: impl Into<String>) {
        self.violations.push(Violation::new(reason, field, text));
    }

    /// Keeps a value, or notes what is wrong with it.
    pub fn keep<T>(&mut self, found: Result<T, Violation>) -> Option<T> {
        found.map_err(|violation| self.violations.push(violation)).ok()
    }

    /// The mask of the request, or of the metadata in its place.
    pub fn mask(&mut self, plans: &Plans, resource: usize, hints: &Hints) -> Mask {
        let asked = self.mask_paths();
        let (paths, field) = match (asked, &hints.read_mask) {
            (Some(_), Some(_)) => {
                let text = "is given twice, in read_mask too: give it once";
                self.refuse(Reason::FieldInvalid, MASK_HINT, text);
                return Mask::all();
            }
            (Some(paths), None) => (paths, "read_mask"),
            (None, Some(hint)) => (hint.split(',').map(|p| p.trim().to_owned()).collect(), MASK_HINT),
            (None, None) => return Mask::all(),
        };
        match mask::bind(plans, resource, paths.iter().map(String::as_str), field) {
            Ok(mask) => mask,
            Err(violations) => {
                self.violations.extend(violations);
                Mask::all()
            }
        }
    }

    fn mask_paths(&self) -> Option<Vec<String>> {
        let Some(Value::Message(mask)) = self.value("read_mask") else { return None };
        let paths = mask.get_field_by_name("paths")?;
        let paths = paths.as_list()?.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect();
        Some(paths)
    }

    /// Err with everything that was noted.
    pub fn accept(&mut self) -> Result<(), Failure> {
        match std::mem::take(&mut self.violations) {
            none if none.is_empty() => Ok(()),
            some => Err(some.into()),
        }
    }
}

fn validate(plans: &Plans, message: &DynamicMessage) -> Vec<Violation> {
    let Some(validator) = &plans.validator else { return Vec::new() };
    let invalid = match validator.validate(message) {
        Ok(()) => return Vec::new(),
        Err(Invalid::Validation(invalid)) => invalid,
        // A rule that cannot be evaluated is the contract's fault, yet the request cannot be let through.
        Err(other) => {
            return vec![Violation::new(
                Reason::FieldInvalid,
                "",
                format!("a rule cannot be checked: {other}"),
            )];
        }
    };
    let told = invalid.violations().iter();
    told.map(|v| Violation::new(Reason::FieldInvalid, v.field_path(), v.message())).collect()
}
