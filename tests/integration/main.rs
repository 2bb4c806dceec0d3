//! Every promise that needs a real Postgres, in one binary; one file per promise.

mod grpc;
mod support;

mod postgres_harness;
