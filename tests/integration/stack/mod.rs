//! Tests with tools that are built with Go or come from npm: `make test-stack` installs them and runs these.

mod dashboards;
mod deploy;
mod first_minutes;
mod grpcurl;
mod h2spec;
mod observed;
mod one_command;
