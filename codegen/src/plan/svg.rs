//! The arena over time as a picture, for `--emit plan.svg`.
//!
//! Steps run from left to right, addresses from bottom to top; each slot is a rectangle whose title
//! names its buffers.

use super::{Plan, SlotPlace};
use std::fmt::Write;

const WIDTH: usize = 1200;
const HEIGHT: usize = 600;
/// Room for the numbers to the left and below, and for the heading.
const MARGIN: usize = 70;

/// Colours that stand out from their neighbours (ColorBrewer's qualitative set of twelve).
const COLOURS: [&str; 12] = [
    "#a6cee3", "#1f78b4", "#b2df8a", "#33a02c", "#fb9a99", "#e31a1c", "#fdbf6f", "#ff7f00", "#cab2d6", "#6a3d9a",
    "#ffff99", "#b15928",
];

/// Draws the plan. The same plan gives the same text.
pub fn svg(plan: &Plan) -> String {
    let moments = plan.steps.len() + 1;
    let bytes = plan.arena_bytes.max(1);
    let x = |moment: usize| MARGIN + moment * WIDTH / moments;
    let y = |at: usize| MARGIN + HEIGHT - at * HEIGHT / bytes;
    let mut out = String::new();
    let mut line = |s: std::fmt::Arguments<'_>| {
        out.write_fmt(s).expect("a string takes all");
        out.push('\n');
    };
    let (width, height) = (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN);
    line(format_args!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">"#
    ));
    line(format_args!(r#"<rect width="{width}" height="{height}" fill="white"/>"#));
    line(format_args!(
        r#"<text x="{MARGIN}" y="24" font-size="16">{}: arena {} bytes, live tensors {}</text>"#,
        escaped(&plan.name),
        plan.arena_bytes,
        plan.lower_bound()
    ));
    line(format_args!(r#"<text x="{MARGIN}" y="46">order: {}; offsets: {}</text>"#, plan.order, plan.offsets));
    for (i, s) in plan.slots.iter().enumerate() {
        let SlotPlace::Arena(offset) = s.place else { continue };
        if s.bytes == 0 {
            continue;
        }
        let buffers: Vec<String> =
            plan.buffers.iter().filter(|b| b.slot == i).map(|b| format!("%{} : {}", b.name, b.ty)).collect();
        let (left, right) = (x(s.first), x(s.last + 1));
        let (top, bottom) = (y(offset + s.bytes), y(offset));
        let (w, h) = ((right - left).max(1), (bottom - top).max(1));
        let colour = COLOURS[i % COLOURS.len()];
        line(format_args!(
            r##"<g><title>{}&#10;{} bytes at {offset}, steps {} to {}</title><rect x="{left}" y="{top}" width="{w}" height="{h}" fill="{colour}" stroke="#333" stroke-width="0.5"/>"##,
            escaped(&buffers.join("\n")),
            s.bytes,
            s.first,
            s.last
        ));
        // About seven units a letter; what does not fit is in the title.
        let first = plan.buffers.iter().find(|b| b.slot == i).map_or("", |b| b.name.as_str());
        if h >= 14 && w >= 7 * first.chars().count() + 8 {
            line(format_args!(r#"<text x="{}" y="{}">{}</text>"#, left + 4, top + 13, escaped(first)));
        }
        line(format_args!("</g>"));
    }
    for quarter in 0..=4 {
        let at = plan.arena_bytes * quarter / 4;
        line(format_args!(r#"<text x="{}" y="{}" text-anchor="end">{at}</text>"#, MARGIN - 6, y(at) + 4));
    }
    for moment in (0..moments).step_by(moments.div_ceil(20)) {
        line(format_args!(r#"<text x="{}" y="{}">{moment}</text>"#, x(moment), MARGIN + HEIGHT + 18));
    }
    line(format_args!(
        r#"<text x="{}" y="{}" text-anchor="middle">step</text>"#,
        MARGIN + WIDTH / 2,
        MARGIN + HEIGHT + 40
    ));
    line(format_args!("</svg>"));
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "&#10;")
}
