//! JSON text → a message of the user's, by proto JSON. The one way out that goes through a dynamic
//! message: proto JSON has too many forms to write a second time.
//!
//! Keys the message does not know are left out, as a newer writer's would be.

use bytes::BytesMut;
use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

use super::error::Fault;

/// The message's body.
pub fn message_body(descriptor: &MessageDescriptor, text: &str, out: &mut BytesMut) -> Result<(), Fault> {
    put(message(descriptor, text, UnknownKeys::LeftOut), descriptor.full_name(), out)
}

/// One field of `parent`, tags and all, as its JSON name would hold it.
pub fn field(parent: &MessageDescriptor, name: &str, text: &str, out: &mut BytesMut) -> Result<(), Fault> {
    let object = format!("{{\"{name}\":{text}}}");
    put(message(parent, &object, UnknownKeys::LeftOut), name, out)
}

fn put(message: Result<DynamicMessage, Error>, name: &str, out: &mut BytesMut) -> Result<(), Fault> {
    match message {
        Ok(message) => {
            message.encode(out).map_err(|_| Fault::unrepresentable("is larger than a message can be"))
        }
        Err(error) => Err(Fault::unrepresentable(format!(
            "is JSON that is no {name} ({error}); make the field a string"
        ))),
    }
}

/// What becomes of keys the message has no field for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownKeys {
    LeftOut,
    Refused,
}

/// Proto JSON → a message.
pub fn message(
    descriptor: &MessageDescriptor,
    text: &str,
    unknown: UnknownKeys,
) -> Result<DynamicMessage, Error> {
    let value: Value = serde_json::from_str(text)?;
    let options = DeserializeOptions::new().deny_unknown_fields(unknown == UnknownKeys::Refused);
    DynamicMessage::deserialize_with_options(descriptor.clone(), Json(value), &options)
}

/// serde_json keeps numbers as text here (its `arbitrary_precision`), and shows them to readers of
/// anything as maps; proto JSON wants to see numbers.
struct Json(Value);

impl<'de> IntoDeserializer<'de, Error> for Json {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Json {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(b),
            Value::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
                (Some(n), _, _) => visitor.visit_u64(n),
                (_, Some(n), _) => visitor.visit_i64(n),
                (_, _, Some(n)) => visitor.visit_f64(n),
                _ => Err(serde::de::Error::custom(format_args!("{n} is out of range"))),
            },
            Value::String(s) => visitor.visit_string(s),
            Value::Array(all) => visitor.visit_seq(SeqDeserializer::new(all.into_iter().map(Json))),
            Value::Object(all) => {
                visitor.visit_map(MapDeserializer::new(all.into_iter().map(|(k, v)| (k, Json(v)))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
