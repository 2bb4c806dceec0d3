//! Every promise that needs a real Postgres, in one binary; one file per promise.

mod support;

mod catalog;
mod embedded;
mod postgres_harness;
mod postgres_session;
