//! Tests with tools that are built with Go: `make test-stack` installs them and runs these.

mod dashboards;
mod first_minutes;
mod grpcurl;
mod h2spec;
mod observed;
