//! Whose telemetry it is: name, version and instance, and what `OTEL_RESOURCE_ATTRIBUTES` adds.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector as _};
use rand::RngExt as _;

const NAME: &str = "service.name";
const INSTANCE: &str = "service.instance.id";

/// `OTEL_SERVICE_NAME` wins over the attributes of the environment, and these over what is said here.
pub fn resource() -> Resource {
    let said = EnvResourceDetector::new().detect();
    let name = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let mut attributes = vec![KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    if said.get(&NAME.into()).is_none() {
        attributes.push(KeyValue::new(NAME, "rowcall"));
    }
    if said.get(&INSTANCE.into()).is_none() {
        attributes.push(KeyValue::new(INSTANCE, uuid()));
    }
    attributes.extend(said.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())));
    attributes.extend(name.map(|name| KeyValue::new(NAME, name)));
    Resource::builder_empty().with_attributes(attributes).build()
}

/// Random, version 4.
fn uuid() -> String {
    let random: u128 = rand::rng().random();
    let bits = random & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 2 << 62;
    let digits = format!("{bits:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_an_id_of_its_own() {
        let id = uuid();
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, uuid());
    }
}
