//! JSON text → a message of the user's, by proto JSON. The one way out that goes through a dynamic
//! message: proto JSON has too many forms to write a second time.
//!
//! Keys the message does not know are left out, as a newer writer's would be.

use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::Error;

use super::error::Fault;

/// The message's body.
pub fn message_body(descriptor: &MessageDescriptor, text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    put(message(descriptor, text, UnknownKeys::LeftOut), descriptor.full_name(), out)
}

/// One field of `parent`, tags and all, as its JSON name would hold it.
pub fn field(parent: &MessageDescriptor, name: &str, text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let object = format!("{{\"{name}\":{text}}}");
    put(message(parent, &object, UnknownKeys::LeftOut), name, out)
}

fn put(message: Result<DynamicMessage, Error>, name: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
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
    let options = DeserializeOptions::new().deny_unknown_fields(unknown == UnknownKeys::Refused);
    let mut json = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize_with_options(descriptor.clone(), &mut json, &options)?;
    json.end()?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;

    fn read(kind: &str, text: &str) -> Result<DynamicMessage, Error> {
        let found = DescriptorPool::global().get_message_by_name(kind);
        message(&found.expect("well known"), text, UnknownKeys::Refused)
    }

    #[test]
    fn a_number_is_the_double_nearest_to_its_digits() {
        // Reading some of these right takes all their digits.
        for text in ["1.5", "-0.1", "5e-324", "9007199254740993", "2.2250738585072011e-308", "1e23"] {
            let double = read("google.protobuf.DoubleValue", text).expect(text);
            let expected = text.parse::<f64>().expect(text);
            assert_eq!(
                double.get_field_by_number(1).and_then(|value| value.as_f64()),
                Some(expected),
                "{text}"
            );
        }
        let object = read("google.protobuf.Struct", r#"{"price": 1.5}"#).expect("an object");
        assert_eq!(serde_json::to_string(&object).expect("JSON"), r#"{"price":1.5}"#);
    }

    #[test]
    fn what_no_double_holds_and_what_follows_are_refused() {
        assert!(read("google.protobuf.DoubleValue", "1e400").is_err());
        assert!(read("google.protobuf.DoubleValue", "1.5 2").is_err());
        assert!(read("google.protobuf.Int64Value", "1.5").is_err());
        let int = read("google.protobuf.Int64Value", "9223372036854775807").expect("fits");
        assert_eq!(int.get_field_by_number(1).and_then(|value| value.as_i64()), Some(i64::MAX));
    }
}
