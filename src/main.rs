//! The command line: `hotline [serve]`, `hotline sandbox`, `hotline send-webhook`.

/// Reads the settings and runs what was asked for. A wrong setting ends with exit code 2, a failed start with 1.
#[cfg(feature = "ssr")]
fn main() -> std::process::ExitCode {
    use clap::{Arg, ArgMatches, Command};
    use hotline::{
        sandbox::send,
        server::{
            config::{Config, SETTINGS, Sources},
            run, run_sandbox,
        },
    };
    use std::{collections::BTreeMap, path::Path, process::ExitCode};

    let settings = || {
        SETTINGS.iter().map(|setting| {
            let flag = setting.flag();
            Arg::new(setting.env)
                .long(flag)
                .value_name("VALUE")
                .global(true)
                .help_heading("Settings")
                .help(format!("{} [{}]", setting.help, setting.env))
        })
    };
    let command = Command::new("hotline")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Instant customer support: Plain's answers on the visitor's screen the moment they are written.")
        .after_help("Settings come from flags, then the environment, then Leptos.toml, then defaults.")
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .global(true)
                .default_value("Leptos.toml")
                .help_heading("Settings")
                .help("the settings file"),
        )
        .args(settings())
        .subcommand(Command::new("serve").about("serve the portal (the default)"))
        .subcommand(
            Command::new("sandbox").about("run the sandbox alone: a small Plain with an agent desk").arg(
                Arg::new("webhook-url").long("webhook-url").value_name("URL").help("register this webhook target"),
            ),
        )
        .subcommand(send::command());
    let matches = command.get_matches();
    let flags_of = |matches: &ArgMatches| {
        SETTINGS
            .iter()
            .filter_map(|s| Some((s.env.to_string(), matches.get_one::<String>(s.env)?.clone())))
            .collect::<BTreeMap<_, _>>()
    };
    let (name, inner) = matches.subcommand().unwrap_or(("serve", &matches));
    let file = inner.get_one::<String>("config").map_or("Leptos.toml", String::as_str);
    let sources = Sources::read(flags_of(inner), Path::new(file));
    if name == "send-webhook" {
        return match sources {
            Ok(sources) => send::run(inner, sources.signing_secret().expose()),
            Err(error) => {
                eprintln!("hotline cannot send: {error}");
                ExitCode::from(2)
            }
        };
    }
    let loaded = sources.and_then(|sources| {
        if name == "sandbox" { Config::load_for_sandbox(&sources) } else { Config::load(&sources) }
    });
    let config = match loaded {
        Ok(config) => config,
        Err(error) => {
            eprintln!("hotline cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    let rust_log = std::env::var("RUST_LOG").ok();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("hotline cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let webhook_url = || inner.get_one::<String>("webhook-url").cloned();
    let ended = runtime.block_on(async {
        match name {
            "sandbox" => run_sandbox(config, webhook_url(), rust_log).await,
            _ => run(config, rust_log).await,
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hotline: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The browser bundle has no program; cargo wants a `main` all the same.
#[cfg(not(feature = "ssr"))]
fn main() {}
