//! Every promise that needs a real Postgres, in one binary; one file per promise.

mod grpc;
mod support;

mod postgres_harness;
mod postgres_pool;
mod postgres_pooler;
mod postgres_prepared;
mod postgres_session;
mod postgres_tls;
