//! Prints what the compiler takes for networks and for chains of more and more nodes, and draws it:
//! `cargo bench -p tinyc-testsuite --bench scaling`. Writes docs/scaling.svg.

use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;
use tinyc_core::onnx::proto::ModelProto;
use tinyc_testsuite::chain::chain;
use tinyc_testsuite::measure::{self, Compilation};
use tinyc_testsuite::shared;

const CHAINS: [usize; 5] = [10, 100, 300, 1000, 3000];

/// Stages that have a column; all others are passes over the graph.
const STAGES: [&str; 6] = ["import", "select", "plan", "validate", "print", "write"];

struct Row {
    nodes: usize,
    milliseconds: f64,
    megabytes: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    measure::serve();
    let folder = tempfile::tempdir()?;
    print!("{:28} {:>6} {:>9} {:>9} {:>8} {:>8} ", "network", "nodes", "MACs", "weights", "ms", "peak MB");
    println!("passes% {}", STAGES.map(|s| format!("{:>8}", format!("{s}%"))).join(" "));
    let mut networks = Vec::new();
    for name in shared::NETWORKS {
        if let Some((model, _)) = shared::model(name) {
            networks.push(row(name, &model, folder.path())?);
        }
    }
    networks.push(row("digits (example)", &shared::digits().0, folder.path())?);
    let mut chains = Vec::new();
    for nodes in CHAINS {
        let model = folder.path().join("chain.onnx");
        std::fs::write(&model, chain(nodes).to_bytes())?;
        chains.push(row(&format!("chain of {nodes}"), &model, folder.path())?);
    }
    let path = shared::root().join("docs/scaling.svg");
    let area = SVGBackend::new(&path, (960, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(480);
    panel(&left, "time to compile, ms", &networks, &chains, |r| r.milliseconds)?;
    panel(&right, "peak memory of the compiler, MB", &networks, &chains, |r| r.megabytes)?;
    area.present()?;
    Ok(())
}

fn row(name: &str, model: &Path, folder: &Path) -> Result<Row, Box<dyn Error>> {
    let proto = ModelProto::from_bytes(&std::fs::read(model)?)?;
    let nodes = proto.graph.map_or(0, |g| g.node.len());
    let c = Compilation::of(model, &folder.join("network.c"));
    let row = Row { nodes, milliseconds: c.milliseconds(), megabytes: c.megabytes() };
    let (macs, weights) = (c.stats["macs"].to_string(), c.stats["weights_bytes"].to_string());
    print!("{name:28} {nodes:6} {macs:>9} {weights:>9} {:8.1} {:8.1} ", row.milliseconds, row.megabytes);
    let total: f64 = c.stages.iter().map(|s| s.1).sum();
    let share = |of: &dyn Fn(&str) -> bool| {
        let sum: f64 = c.stages.iter().filter(|s| of(&s.0)).map(|s| s.1).sum();
        sum * 100.0 / total
    };
    let shares = STAGES.map(|s| format!("{:8.0}", share(&|name| name == s)));
    println!("{:7.0} {}", share(&|name| !STAGES.contains(&name)), shares.join(" "));
    Ok(row)
}

/// One drawing: a quantity over the number of nodes, both logarithmic.
fn panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    caption: &str,
    networks: &[Row],
    chains: &[Row],
    of: impl Fn(&Row) -> f64,
) -> Result<(), Box<dyn Error>> {
    let all = || networks.iter().chain(chains);
    let extent = |of: &dyn Fn(&Row) -> f64| {
        let decade = |v: f64, up: bool| 10f64.powf(if up { v.log10().ceil() } else { v.log10().floor() });
        let (low, high) = all().map(of).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        (decade(low, false), decade(high, true))
    };
    let (x, y) = (extent(&|r| r.nodes as f64), extent(&of));
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 16))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
    let number = |v: &f64| format!("{v}");
    chart
        .configure_mesh()
        .x_desc("nodes of the ONNX graph")
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .light_line_style(WHITE.mix(0.0))
        .draw()?;
    let at = |r: &Row| (r.nodes as f64, of(r));
    // Through the longest chain: what growth in proportion would be.
    if let Some((n, v)) = chains.last().map(at) {
        let from = x.0.max(n * y.0 / v);
        let line = LineSeries::new([(from, v * from / n), (n, v)], BLACK.mix(0.4));
        chart
            .draw_series(line)?
            .label("slope 1")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLACK.mix(0.4)));
    }
    chart
        .draw_series(LineSeries::new(chains.iter().map(at), BLUE).point_size(3))?
        .label("chains")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLUE));
    chart
        .draw_series(networks.iter().map(|r| Circle::new(at(r), 3, RED.filled())))?
        .label("networks")
        .legend(|(x, y)| Circle::new((x + 8, y), 3, RED.filled()));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.4))
        .draw()?;
    Ok(())
}
