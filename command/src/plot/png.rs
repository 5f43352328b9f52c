//! PNG from SVG, with a font of its own.

use resvg::{tiny_skia, usvg};

use crate::outcome::{Failure, Outcome};

/// Most pixels along a side.
const MOST: f32 = 16_384.0;

/// The picture with so many pixels for each unit of the SVG.
pub fn encode(svg: &str, scale: f32) -> Outcome<Vec<u8>> {
    let mut options = usvg::Options { font_family: "DejaVu Sans".into(), ..usvg::Options::default() };
    options.fontdb_mut().load_font_data(dejavu::sans::regular().to_vec());
    let drawn =
        |error: &dyn std::fmt::Display| Failure::File(format!("the picture cannot be drawn as PNG: {error}"));
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| drawn(&error))?;
    let size = tree.size();
    let scale = scale.min(MOST / size.width().max(size.height()));
    let side = |length: f32| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 1 and MOST
        let pixels = (length * scale).ceil().clamp(1.0, MOST) as u32;
        pixels
    };
    let mut pixels =
        tiny_skia::Pixmap::new(side(size.width()), side(size.height())).ok_or_else(|| drawn(&"too large"))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| drawn(&error))
}
