//! The contract that Rowcall serves → the messages and services of the peers, so that all speak the same bytes.

use std::error::Error;

const CONTRACT: &str = "load/v1/load.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=contract");
    println!("cargo:rerun-if-changed=../../proto");
    let descriptors = protox::compile([CONTRACT], ["contract", "../../proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
