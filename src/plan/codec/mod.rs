//! A column's type and a field's type → how the one becomes the other, by the type table of the contract.

/// How one column's binary value becomes one protobuf field.
#[derive(Debug, Clone)]
pub struct FieldCodec {}
