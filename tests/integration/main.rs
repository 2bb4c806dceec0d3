//! Every promise that needs a real Postgres, in one binary; one file per promise.

mod support;

mod abuse;
mod catalog;
mod command_line;
mod deadlines;
mod embedded;
mod errors;
mod errors_shop;
mod errors_tokens;
mod example;
mod filters;
mod grpc;
mod join;
mod join_leaving;
mod paging;
mod paging_orders;
mod postgres_harness;
mod postgres_pool;
mod postgres_pooler;
mod postgres_prepared;
mod postgres_session;
mod postgres_tls;
mod python_client;
mod readme;
mod relations;
mod reload;
mod stack;
mod totals;
mod types;
mod unfit;
mod walk;
