//! A request's protobuf value → the binary parameter: the type table the other way round.

use bytes::Bytes;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind as FieldKind, MapKey, ReflectMessage, Value};

use super::class::{Class, Member};
use super::{Malformed, ValueType, array_bytes, literal, real, time};
use crate::contract::{self, options::Unit};
use crate::plan::codec;

impl ValueType {
    /// The parameter for a field's value. None, NULL, is what an enum's zero stands for when no
    /// label does.
    pub fn from_proto(
        &self,
        value: &Value,
        field: &FieldDescriptor,
        unit: Unit,
    ) -> Result<Option<Bytes>, Malformed> {
        let wrong = |expected: &str| Malformed::new(format!("is no {}: {expected}", self.name));
        let bytes = match (&self.class, value) {
            (Class::Json | Class::Jsonb, value) if !matches!(value, Value::String(_)) => {
                self.parse(&json(value, field)?)?
            }
            (_, Value::String(text)) => self.parse(text)?,
            (_, Value::Message(message)) => self.message(message, unit)?,
            (Class::Bool, Value::Bool(b)) => Bytes::from(vec![u8::from(*b)]),
            (Class::Enum(labels), Value::EnumNumber(number)) => match field.kind() {
                FieldKind::Enum(of) => match codec::label(*number, &of, labels) {
                    Some(label) => Bytes::copy_from_slice(label.as_bytes()),
                    None if *number == 0 => return Ok(None),
                    None => return Err(wrong(&format!("{number} stands for no label"))),
                },
                _ => return Err(wrong("use an enum or a string")),
            },
            (Class::Bytea, Value::Bytes(bytes)) => bytes.clone(),
            (Class::Uuid, Value::Bytes(bytes)) if bytes.len() == 16 => bytes.clone(),
            (Class::Uuid, Value::Bytes(bytes)) => {
                return Err(wrong(&format!("it has 16 bytes, and these are {}", bytes.len())));
            }
            (Class::Array(element), Value::List(values)) => {
                let elements = elements(element, values, field, unit)?;
                array_bytes(element.oid, elements.iter().map(|e| e.as_deref()))
            }
            (Class::Multirange(range), Value::List(values)) => {
                let ranges: Vec<Bytes> =
                    elements(range, values, field, unit)?.into_iter().flatten().collect();
                literal::multirange_bytes(&ranges)
            }
            (Class::Hstore, Value::Map(entries)) => {
                let mut pairs = Vec::with_capacity(entries.len());
                for entry in entries {
                    let (MapKey::String(key), Value::String(text)) = entry else {
                        return Err(wrong("use map<string, string>"));
                    };
                    super::parse::storable(key)?;
                    super::parse::storable(text)?;
                    pairs.push((key.as_str(), Some(text.as_str())));
                }
                literal::hstore_bytes(pairs.into_iter())
            }
            (_, value) => match self.number(value) {
                Some(parsed) => parsed?,
                None => return Err(wrong("the field has another type")),
            },
        };
        Ok(Some(bytes))
    }

    /// Numbers go by their text, which says all of them and is checked against the type's bounds.
    fn number(&self, value: &Value) -> Option<Result<Bytes, Malformed>> {
        let real = matches!(self.class, Class::Float4 | Class::Float8 | Class::Numeric);
        let integer = matches!(self.class, Class::Int2 | Class::Int4 | Class::Int8 | Class::Oid);
        let mut text = String::new();
        match value {
            Value::I32(n) | Value::EnumNumber(n) if integer || real => text = n.to_string(),
            Value::I64(n) if integer || real => text = n.to_string(),
            Value::U32(n) if integer || real => text = n.to_string(),
            Value::U64(n) if integer || real => text = n.to_string(),
            Value::F32(n) if real => real::write_float(*n, &mut text).ok()?,
            Value::F64(n) if real => real::write_double(*n, &mut text).ok()?,
            _ => return None,
        }
        Some(self.parse(&text))
    }

    fn message(&self, message: &DynamicMessage, unit: Unit) -> Result<Bytes, Malformed> {
        let descriptor = message.descriptor();
        let name = descriptor.full_name();
        let wrong = |expected: &str| Malformed::new(format!("is no {}: {expected}", self.name));
        let part = |name: &str| integer(message, name);
        match (&self.class, name) {
            (Class::Timestamp | Class::Timestamptz, "google.protobuf.Timestamp") => {
                timestamp(part("seconds"), part("nanos")).ok_or_else(|| wrong("it is out of range"))
            }
            (Class::Date, "google.type.Date") => {
                let (month, day) = (u8::try_from(part("month")), u8::try_from(part("day")));
                let whole = || wrong("it needs a year from 1 to 9999, a month and a day that exist");
                match (part("year"), month, day) {
                    (year @ 1..=9999, Ok(month), Ok(day)) => {
                        let days = time::days(year, month, day).ok_or_else(whole)?;
                        Ok(Bytes::copy_from_slice(&(days as i32).to_be_bytes()))
                    }
                    _ => Err(whole()),
                }
            }
            (Class::Time, "google.type.TimeOfDay") => {
                let parts = (part("hours"), part("minutes"), part("seconds"), part("nanos"));
                time_of_day(parts).ok_or_else(|| wrong("it goes from 00:00 to 24:00"))
            }
            (Class::Interval, DURATION) => {
                let micros = duration(message).and_then(|nanos| rounded(nanos, 1000));
                let micros = micros.ok_or_else(|| wrong("it is out of range"))?;
                Ok(time::Interval { micros, ..time::Interval::default() }.to_binary())
            }
            (Class::Int2 | Class::Int4 | Class::Int8, DURATION) if unit != Unit::Unspecified => {
                let nanos = duration(message).ok_or_else(|| wrong("it is out of range"))?;
                self.count(nanos, unit)
            }
            (Class::Range(element), _) => range(element, message),
            (Class::Multirange(_), _) => {
                let mut fields = descriptor.fields();
                match (fields.next(), fields.next()) {
                    (Some(only), None) => {
                        let ranges = message.get_field(&only);
                        self.from_proto(&ranges, &only, unit)?.ok_or_else(|| wrong("use a repeated range"))
                    }
                    _ => Err(wrong("use a message whose only field is the repeated range")),
                }
            }
            (Class::Composite(members), _) => composite(members, message),
            _ => Err(wrong(&format!("{name} has no such form"))),
        }
    }

    /// A duration literal (`200s`, `-1.5s`) → an integer column that counts `unit`s.
    pub fn parse_duration(&self, text: &str, unit: Unit) -> Result<Bytes, Malformed> {
        let (seconds, nanos) = time::parse_duration(text)
            .ok_or_else(|| Malformed::new("is not a duration: write it as 90s or 1.5s"))?;
        self.count(i128::from(seconds) * NANOS + i128::from(nanos), unit)
    }

    fn count(&self, nanos: i128, unit: Unit) -> Result<Bytes, Malformed> {
        let one = i128::from(time::unit_nanos(unit));
        if nanos % one != 0 {
            let unit = unit.as_str_name().to_ascii_lowercase();
            return Err(Malformed::new(format!("is not a whole number of {unit}, which the column counts")));
        }
        self.parse(&(nanos / one).to_string())
    }
}

const DURATION: &str = "google.protobuf.Duration";
const NANOS: i128 = 1_000_000_000;

fn elements(
    of: &ValueType,
    values: &[Value],
    field: &FieldDescriptor,
    unit: Unit,
) -> Result<Vec<Option<Bytes>>, Malformed> {
    let element = |(at, value)| {
        of.from_proto(value, field, unit)
            .map_err(|e| Malformed::new(format!("has an element {at} that {}", e.text)))
    };
    values.iter().enumerate().map(element).collect()
}

/// Any value as proto JSON: what its field's key would hold.
fn json(value: &Value, field: &FieldDescriptor) -> Result<String, Malformed> {
    let no = |_| Malformed::new("has no form as JSON");
    if let Value::Message(message) = value {
        return serde_json::to_string(message).map_err(no);
    }
    let mut parent = DynamicMessage::new(field.parent_message().clone());
    parent.try_set_field(field, value.clone()).map_err(|_| Malformed::new("has no form as JSON"))?;
    // Left out are only zero values, which as JSON are these.
    let all = serde_json::to_value(&parent).map_err(no)?;
    match all.get(field.json_name()) {
        Some(found) => Ok(found.to_string()),
        None => serde_json::to_value(ZeroOf(value)).map(|zero| zero.to_string()).map_err(no),
    }
}

/// A zero value, which proto JSON leaves out of a message.
struct ZeroOf<'a>(&'a Value);

impl serde::Serialize for ZeroOf<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(_) => serializer.serialize_bool(false),
            Value::List(_) => serializer.collect_seq(std::iter::empty::<()>()),
            Value::Map(_) => serializer.collect_map(std::iter::empty::<((), ())>()),
            Value::Bytes(_) => serializer.serialize_str(""),
            _ => serializer.serialize_i32(0),
        }
    }
}

fn integer(message: &DynamicMessage, name: &str) -> i64 {
    let value = message.get_field_by_name(name);
    value.and_then(|v| v.as_i64().or(v.as_i32().map(i64::from))).unwrap_or_default()
}

fn timestamp(seconds: i64, nanos: i64) -> Option<Bytes> {
    let in_range =
        (-62_135_596_800..=253_402_300_799).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
    in_range.then(|| {
        let micros = (seconds - time::EPOCH_SECONDS) * time::SECOND + (nanos + 500) / 1000;
        Bytes::copy_from_slice(&micros.to_be_bytes())
    })
}

fn time_of_day((hours, minutes, seconds, nanos): (i64, i64, i64, i64)) -> Option<Bytes> {
    let in_range = (0..=24).contains(&hours)
        && (0..60).contains(&minutes)
        && (0..=60).contains(&seconds)
        && (0..1_000_000_000).contains(&nanos);
    let micros = hours * time::HOUR + minutes * time::MINUTE + seconds * time::SECOND + (nanos + 500) / 1000;
    (in_range && micros <= time::DAY).then(|| Bytes::copy_from_slice(&micros.to_be_bytes()))
}

/// In nanoseconds; None when its parts have two signs or are too large.
fn duration(message: &DynamicMessage) -> Option<i128> {
    span(integer(message, "seconds"), integer(message, "nanos"))
}

fn span(seconds: i64, nanos: i64) -> Option<i128> {
    let one_sign = seconds.signum() * nanos.signum() >= 0;
    let in_range = seconds.unsigned_abs() <= 315_576_000_000 && nanos.unsigned_abs() < 1_000_000_000;
    (one_sign && in_range).then(|| i128::from(seconds) * NANOS + i128::from(nanos))
}

/// Half away from zero.
fn rounded(n: i128, unit: i128) -> Option<i64> {
    i64::try_from((n + n.signum() * unit / 2) / unit).ok()
}

/// A field of its own presence, or None: absent is NULL.
fn present(message: &DynamicMessage, field: &FieldDescriptor) -> Option<Value> {
    if field.supports_presence() && !message.has_field(field) {
        return None;
    }
    Some(message.get_field(field).into_owned())
}

fn range(element: &ValueType, message: &DynamicMessage) -> Result<Bytes, Malformed> {
    let descriptor = message.descriptor();
    let flag = |name: &str, default: bool| match message.get_field_by_name(name) {
        Some(value) => value.as_bool().unwrap_or(default),
        None => default,
    };
    if flag("empty", false) {
        return Ok(Bytes::from_static(&[super::binary::RANGE_EMPTY]));
    }
    let bound = |name: &str| {
        let Some(field) = descriptor.get_field_by_name(name) else { return Ok(None) };
        let Some(value) = present(message, &field) else { return Ok(None) };
        element
            .from_proto(&value, &field, Unit::Unspecified)
            .map_err(|e| Malformed::new(format!("has a {name} that {}", e.text)))
    };
    let (lower, upper) = (bound("lower")?, bound("upper")?);
    let inclusive = (flag("lower_inclusive", true), flag("upper_inclusive", false));
    Ok(literal::range_bytes(lower.as_deref(), upper.as_deref(), inclusive.0, inclusive.1))
}

fn composite(members: &[Member], message: &DynamicMessage) -> Result<Bytes, Malformed> {
    let mut values: Vec<Option<Bytes>> = vec![None; members.len()];
    for field in message.descriptor().fields() {
        let options = contract::column(&field);
        let named = |name: &str| members.iter().position(|m| m.name == name);
        let found = match options.name.as_slice() {
            [] => named(field.name()),
            names => names.iter().find_map(|name| named(name)),
        };
        let (Some(at), Some(value)) = (found, present(message, &field)) else { continue };
        let written = members[at].value.from_proto(&value, &field, options.unit());
        values[at] =
            written.map_err(|e| Malformed::new(format!("has a {} that {}", field.name(), e.text)))?;
    }
    Ok(literal::composite_bytes(members, &values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_size_are_read_or_refused() {
        let year_1 = -62_135_596_800;
        assert_eq!(timestamp(year_1, 0).unwrap()[..], (-63_082_281_600_000_000i64).to_be_bytes());
        assert_eq!(span(-315_576_000_000, 0), Some(-315_576_000_000 * NANOS));
        assert_eq!(span(-1, 1), None);
        for far in [i64::MIN, i64::MAX, year_1 - 1, 253_402_300_800] {
            assert_eq!(timestamp(far, 0), None, "{far}");
        }
        for far in [i64::MIN, i64::MIN + 1, i64::MAX, 315_576_000_001] {
            assert_eq!(span(far, 0), None, "{far}");
        }
        for nanos in [-1, 1_000_000_000, i64::from(i32::MIN), i64::from(i32::MAX)] {
            assert_eq!(timestamp(0, nanos), None, "{nanos}");
        }
        assert_eq!(span(0, i64::from(i32::MIN)), None);
    }
}
