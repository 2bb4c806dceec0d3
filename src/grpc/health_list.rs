//! `grpc.health.v1.Health.List`, newer than tonic-health: its messages, and its place in the descriptor.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions, MethodDescriptorProto,
};
use tonic_health::pb::HealthCheckResponse;

use super::descriptors::FileSet;

#[derive(Clone, PartialEq, prost::Message)]
pub struct HealthListResponse {
    #[prost(map = "string, message", tag = "1")]
    pub statuses: HashMap<String, HealthCheckResponse>,
}

/// tonic-health's file, with List added where the published one has it.
pub fn descriptor() -> Option<Bytes> {
    let set = FileSet::decode(tonic_health::pb::FILE_DESCRIPTOR_SET).ok()?;
    let mut file = FileDescriptorProto::decode(set.files.first()?.clone()).ok()?;
    let service = file.service.first_mut()?;
    if service.method.iter().all(|method| method.name() != "List") {
        service.method.push(MethodDescriptorProto {
            name: Some("List".to_owned()),
            input_type: Some(".grpc.health.v1.HealthListRequest".to_owned()),
            output_type: Some(".grpc.health.v1.HealthListResponse".to_owned()),
            ..MethodDescriptorProto::default()
        });
        file.message_type.push(DescriptorProto {
            name: Some("HealthListRequest".to_owned()),
            ..DescriptorProto::default()
        });
        file.message_type.push(response());
    }
    Some(file.encode_to_vec().into())
}

/// A map is a repeated message of key and value.
fn response() -> DescriptorProto {
    let entry = DescriptorProto {
        name: Some("StatusesEntry".to_owned()),
        field: vec![
            field("key", 1, Label::Optional, Type::String, None),
            field("value", 2, Label::Optional, Type::Message, Some(".grpc.health.v1.HealthCheckResponse")),
        ],
        options: Some(MessageOptions { map_entry: Some(true), ..MessageOptions::default() }),
        ..DescriptorProto::default()
    };
    let of = ".grpc.health.v1.HealthListResponse.StatusesEntry";
    DescriptorProto {
        name: Some("HealthListResponse".to_owned()),
        field: vec![field("statuses", 1, Label::Repeated, Type::Message, Some(of))],
        nested_type: vec![entry],
        ..DescriptorProto::default()
    }
}

fn field(name: &str, number: i32, label: Label, kind: Type, of: Option<&str>) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(label.into()),
        r#type: Some(kind.into()),
        type_name: of.map(str::to_owned),
        json_name: Some(name.to_owned()),
        ..FieldDescriptorProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_reflect::{DescriptorPool, DynamicMessage};

    #[test]
    fn what_is_listed_is_what_the_descriptor_says() {
        let mut pool = DescriptorPool::new();
        pool.decode_file_descriptor_proto(descriptor().unwrap()).unwrap();
        let service = pool.get_service_by_name("grpc.health.v1.Health").unwrap();
        let list = service.methods().find(|method| method.name() == "List").unwrap();
        let status = HealthCheckResponse { status: 1 };
        let listed = HealthListResponse { statuses: HashMap::from([("liveness".to_owned(), status)]) };
        let read = DynamicMessage::decode(list.output(), listed.encode_to_vec().as_slice()).unwrap();
        assert!(read.unknown_fields().next().is_none());
        assert_eq!(read.get_field_by_name("statuses").unwrap().as_map().unwrap().len(), 1);
    }
}
