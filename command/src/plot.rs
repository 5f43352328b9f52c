//! `distarray plot`: pictures of who owns what.

mod colour;
mod legend;
mod panel;
mod picture;
#[cfg(feature = "png")]
mod png;
mod strip;
mod svg;

use std::io::Write;
use std::path::{Path, PathBuf};

use distarray::io;

use crate::layout::{GRAMMAR, Given, Layout};
use crate::outcome::{Failure, Outcome, Verdict};
use picture::Picture;

/// Draw who owns what, or what lies in the memory of ranks.
///
/// Two layouts are drawn side by side. Of many stretches of one owner along an axis
/// the first are drawn: the pattern goes on.
#[derive(clap::Args)]
#[command(after_help = format!("\
Examples:
  distarray plot '12x15 b+1,b+1p on 2x3' -o halo.svg        who owns what, with halos
  distarray plot '12x15 b+1,b+1p on 2x3' --local 4 -o memory.svg
                                                            what rank 4 has in memory
  distarray plot '12x12 b,n on 4' 'c2,c3 on 2x2' -o both.png
                                                            two layouts side by side
  distarray plot out/heat_0.dnpy -o heat.png                the layout of a set

{GRAMMAR}"))]
pub struct Arguments {
    /// A layout such as '12x12 b+1,b+1 on 2x3', and another one to draw beside it.
    #[arg(required = true, num_args = 1..=2, value_name = "LAYOUT")]
    layouts: Vec<String>,
    /// The picture: .svg or .png.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Draw what lies in the memory of these ranks, and where in the array.
    #[arg(long, value_name = "RANKS", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(0..))]
    local: Vec<i64>,
    /// The number of ranks, where the layouts leave it open.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=i64::from(i32::MAX)))]
    ranks: Option<i64>,
    /// The axes that run down and to the right: those dealt out, if nothing is said.
    #[arg(long, value_name = "DOWN,RIGHT", value_delimiter = ',')]
    axes: Vec<usize>,
    /// Where the other axes are cut, an index for each axis of the array.
    #[arg(long, value_name = "INDICES", value_delimiter = ',')]
    at: Vec<i64>,
    /// A title instead of the layout.
    #[arg(long)]
    title: Option<String>,
    /// Pixels of a PNG for each unit of the SVG.
    #[cfg(feature = "png")]
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = factor)]
    scale: f32,
}

#[cfg(feature = "png")]
fn factor(text: &str) -> Result<f32, String> {
    let factor: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    if (0.1..=16.0).contains(&factor) { Ok(factor) } else { Err("not between 0.1 and 16".into()) }
}

/// Draws the picture.
pub fn run(arguments: &Arguments, _: &mut dyn Write) -> Outcome {
    let format = Format::of(&arguments.output)?;
    let mut layouts: Vec<Layout> = Vec::new();
    for text in &arguments.layouts {
        let first = layouts.first();
        let given = Given {
            shape: first.map(Layout::shape),
            ranks: arguments.ranks,
            default_ranks: first.map(Layout::ranks),
        };
        layouts.push(Layout::parse(text, given)?);
    }
    let picture = Picture {
        layouts: &layouts,
        axes: &arguments.axes,
        at: &arguments.at,
        title: arguments.title.as_deref(),
    };
    let svg = if arguments.local.is_empty() { picture.arrays()? } else { picture.parts(&arguments.local)? };
    let bytes = match format {
        Format::Svg => svg.into_bytes(),
        #[cfg(feature = "png")]
        Format::Png => png::encode(&svg, arguments.scale)?,
    };
    io::write_whole(&arguments.output, &bytes)?;
    Ok(Verdict::Fine)
}

enum Format {
    Svg,
    #[cfg(feature = "png")]
    Png,
}

impl Format {
    fn of(path: &Path) -> Outcome<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("svg") => Ok(Self::Svg),
            #[cfg(feature = "png")]
            Some("png") => Ok(Self::Png),
            #[cfg(not(feature = "png"))]
            Some("png") => {
                Err(Failure::Usage("this command was built without the feature png; write .svg".into()))
            }
            _ => {
                Err(Failure::Usage(format!("{}: the name of a picture ends in .svg or .png", path.display())))
            }
        }
    }
}
