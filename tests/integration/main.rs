//! Every promise that needs a real Postgres, in one binary; one file per promise.

mod support;

mod command_line;
mod postgres_harness;
mod python_client;
mod readme;
mod stack;
