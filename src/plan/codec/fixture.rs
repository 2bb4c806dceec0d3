//! For tests: a field's declaration → its descriptor, in a contract with messages for every kind of column.

use prost_reflect::{DescriptorPool, FieldDescriptor};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

const CONTRACT: &str = r#"
syntax = "proto3";
package test.v1;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/type/time.proto";
import "rowcall/v1/options.proto";

enum Mood {
  MOOD_UNSPECIFIED = 0;
  MOOD_SAD = 1;
  SO_SO = 2;
  MOOD_VERY_HAPPY = 3;
  MOOD_FOREIGN = 4 [(rowcall.v1.label) = "Ünïcode"];
  MOOD_EMPTY = 5 [(rowcall.v1.label) = ""];
}
enum SadOnly { SAD_ONLY_UNSPECIFIED = 0; SAD_ONLY_SAD = 1; GLAD = 2 [(rowcall.v1.label) = "glad"]; }
message Address {
  string street = 1;
  optional int32 zip = 2 [(rowcall.v1.column) = { name: "zip code" }];
  repeated string tags = 3;
  Mood feeling = 4;
  optional bool ok = 5;
}
message Street { string street = 1; }
message Wrong { int32 street = 1; }
message Elsewhere { string town = 1; }
message Int4Range { optional int32 lower = 1; optional int32 upper = 2; bool lower_inclusive = 3; bool upper_inclusive = 4; bool empty = 5; }
message Bare { int32 lower = 1; }
message NumRange { optional string lower = 1; optional string upper = 2; bool lower_inclusive = 3; bool upper_inclusive = 4; bool empty = 5; }
message TimeRange { google.protobuf.Timestamp lower = 1; google.protobuf.Timestamp upper = 2; bool lower_inclusive = 3; bool upper_inclusive = 4; bool empty = 5; }
message Int4Ranges { repeated Int4Range ranges = 1; }
message Settings { string theme = 1; int32 font_size = 2; repeated double zoom = 3; google.protobuf.Value extra = 4; Settings inner = 5; }
"#;

const TIME: &str = r#"
syntax = "proto3";
package google.type;
message Date { int32 year = 1; int32 month = 2; int32 day = 3; }
message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }
"#;

struct Memory(String);

impl FileResolver for Memory {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match name {
            "test.proto" => File::from_source(name, &self.0),
            "google/type/time.proto" => File::from_source(name, TIME),
            "rowcall/v1/options.proto" => {
                File::from_source(name, include_str!("../../../proto/rowcall/v1/options.proto"))
            }
            _ => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// The fields of a message `M` declared like this, with `f` among them.
pub fn field(declaration: &str) -> FieldDescriptor {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Memory(format!("{CONTRACT}\nmessage M {{ {declaration} }}")));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler.open_file("test.proto").unwrap_or_else(|e| panic!("{declaration}: {e:?}"));
    let pool: DescriptorPool = compiler.descriptor_pool();
    pool.get_message_by_name("test.v1.M").unwrap().get_field_by_name("f").unwrap()
}
