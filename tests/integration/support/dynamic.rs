//! A contract → calls with messages that no code was generated for.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor};
use rowcall::contract::Contract;
use rowcall::wire::{UnknownKeys, message_from_json};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// A client of every method of a contract.
pub struct Dynamic {
    contract: Contract,
    channel: Channel,
}

impl Dynamic {
    pub async fn connect(contract: Contract, address: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        Dynamic { contract, channel: endpoint.connect().await.expect("the server listens") }
    }

    /// By its name without the service.
    pub fn method(&self, name: &str) -> MethodDescriptor {
        let methods = self.contract.services.iter().flat_map(|service| &service.methods);
        let mut descriptors = methods.map(|method| method.descriptor.clone());
        descriptors.find(|method| method.name() == name).unwrap_or_else(|| panic!("no method {name}"))
    }

    /// Its request is proto JSON.
    pub async fn call(&self, method: &str, request: &str) -> Result<DynamicMessage, Status> {
        let input = self.method(method).input();
        let message =
            message_from_json(&input, request, UnknownKeys::Refused).expect("a request of this method");
        self.send(method, message).await
    }

    pub async fn send(&self, method: &str, request: DynamicMessage) -> Result<DynamicMessage, Status> {
        let method = self.method(method);
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.expect("the connection stands");
        let path = path.parse().expect("a path");
        Ok(grpc.unary(Request::new(request), path, Messages(method.output())).await?.into_inner())
    }
}

/// Answers of this type.
pub(super) struct Messages(pub(super) MessageDescriptor);

impl Codec for Messages {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Encoding;
    type Decoder = Messages;

    fn encoder(&mut self) -> Encoding {
        Encoding
    }

    fn decoder(&mut self) -> Messages {
        Messages(self.0.clone())
    }
}

pub(super) struct Encoding;

impl Encoder for Encoding {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(out).map_err(|e| Status::internal(e.to_string()))
    }
}

impl Decoder for Messages {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        DynamicMessage::decode(self.0.clone(), bytes).map(Some).map_err(|e| Status::internal(e.to_string()))
    }
}
