//! `tinyc completions` and `tinyc man`: what shells and manuals know of the command line.

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::console::Console;
use crate::exit::Failure;
use clap::CommandFactory;

pub fn completions(args: &CompletionsArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tinyc", &mut script);
    console.print(&String::from_utf8_lossy(&script))
}

pub fn man(args: &ManArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut cli = Cli::command();
    cli.build();
    let page = match &args.command {
        None => cli,
        Some(name) => match cli.find_subcommand(name) {
            Some(command) => command.clone(),
            None => return Err(Failure::usage(format!("there is no command {name:?}")).help("try `tinyc --help`")),
        },
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).expect("writing to memory does not fail");
    console.print(&String::from_utf8_lossy(&text))
}
