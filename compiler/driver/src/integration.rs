//! `tinyc integration`: what build systems include.

use crate::cli::{BuildSystem, IntegrationArgs};
use crate::console::Console;
use crate::exit::Failure;

pub fn run(args: &IntegrationArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    console.print(match args.system {
        BuildSystem::Cmake => include_str!("../integration/tinycConfig.cmake"),
        BuildSystem::Make => include_str!("../integration/tinyc.mk"),
    })
}
