//! What `distarray plot` draws, against the owner of every element by hand.

mod common;
#[path = "common/deal.rs"]
mod deal;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{distarray, root};
use deal::{Deal, Numbers};

/// A rectangle of a picture: whose it is, and over which positions it lies.
#[derive(Debug)]
struct Region {
    panel: usize,
    class: String,
    ranks: String,
    at: Vec<[i64; 2]>,
}

impl Region {
    fn positions(&self) -> Vec<Vec<i64>> {
        self.at.iter().fold(vec![Vec::new()], |all, &[start, stop]| {
            all.iter().flat_map(|at| (start..stop).map(move |i| [at.as_slice(), &[i]].concat())).collect()
        })
    }
}

fn attribute<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    line.split(&format!(" {name}=\"")).nth(1)?.split('"').next()
}

/// The regions of a picture, panel by panel.
fn regions(svg: &str) -> Vec<Region> {
    let (mut panel, mut class) = (0, String::new());
    let mut found = Vec::new();
    for line in svg.lines() {
        match attribute(line, "class") {
            Some("panel") => panel += 1,
            Some(other) => class = other.to_string(),
            None => {}
        }
        let Some(at) = attribute(line, "data-at") else { continue };
        let span = |span: &str| {
            let (start, stop) = span.split_once(':').unwrap();
            [start.parse().unwrap(), stop.parse().unwrap()]
        };
        let ranks = attribute(line, "data-rank").unwrap_or_default().to_string();
        let class = class.clone();
        found.push(Region { panel, class, ranks, at: at.split(',').map(span).collect() });
    }
    found
}

/// The picture of these arguments.
fn drawn(arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("picture.svg");
    let output = path.to_str().unwrap();
    assert_eq!(distarray(["plot", "-o", output].iter().chain(arguments)).expect(0), "");
    let svg = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left behind");
    assert!(svg.matches("<g").count() == svg.matches("</g>").count() && svg.ends_with("</svg>\n"));
    svg
}

/// Which rank is drawn at each position of a panel, each once.
fn owners(regions: &[Region], panel: usize, class: &str) -> BTreeMap<Vec<i64>, String> {
    let mut owners = BTreeMap::new();
    for region in regions.iter().filter(|region| region.panel == panel && region.class == class) {
        for at in region.positions() {
            assert_eq!(owners.insert(at, region.ranks.clone()), None, "{region:?}");
        }
    }
    owners
}

#[test]
fn every_element_is_drawn_on_its_owner() {
    let mut numbers = Numbers(7);
    let cases: [(&[i64], &[i64]); 6] = [
        (&[29], &[4]),
        (&[3], &[5]),
        (&[11, 13], &[2, 3]),
        (&[9, 7], &[1, 4]),
        (&[16, 5], &[4, 1]),
        (&[1, 1], &[1, 1]),
    ];
    for _ in 0..20 {
        for (shape, grid) in cases {
            let [one, other] = [0, 1].map(|_| Deal::random(&mut numbers, shape, grid));
            let svg = drawn(&[&one.text(), &other.text()]);
            let regions = regions(&svg);
            for (panel, deal) in [(1, &one), (2, &other)] {
                let expected =
                    deal.indices().into_iter().map(|index| (index.clone(), deal.rank(&index).to_string()));
                assert_eq!(owners(&regions, panel, "owned"), expected.collect(), "{}", deal.text());
            }
        }
    }
}

#[test]
fn neighbours_of_one_owner_are_one_region() {
    let count = |layout: &str| regions(&drawn(&[layout])).len();
    assert_eq!(count("12x12 b,b on 2x3"), 6);
    assert_eq!(count("12 b(0,4,4,12) on 3"), 2);
    assert_eq!(count("12x12 c3,n on 2"), 4);
    assert_eq!(count("6 u(0 1 5|2 3 4)"), 3);
    assert_eq!(count("1000000x1000000 b,b on 3x3"), 9);
}

#[test]
fn a_plane_is_cut_through_an_array_of_more_axes() {
    let mut numbers = Numbers(3);
    let deal = Deal::random(&mut numbers, &[5, 6, 7], &[2, 3, 2]);
    let svg = drawn(&[&deal.text(), "--axes", "2,0", "--at", "0,4,0"]);
    let expected = deal.indices().into_iter().filter(|index| index[1] == 4);
    let expected = expected.map(|index| (vec![index[2], index[0]], deal.rank(&index).to_string()));
    assert_eq!(owners(&regions(&svg), 1, "owned"), expected.collect(), "{}", deal.text());
    assert!(svg.contains("axes 2 and 0 at index 4 of axis 1"));
}

#[test]
fn halos_outside_the_edges_are_drawn_there() {
    let svg = drawn(&["6x4 b+1p,b+2o on 3x2"]);
    let regions = regions(&svg);
    assert_eq!(owners(&regions, 1, "owned").len(), 24);
    // A row before and after, of the owners on the other side of the array.
    let images = owners(&regions, 1, "halo");
    let owner = |row: i64, column: i64| (row.rem_euclid(6) / 2 * 2 + column / 2).to_string();
    let expected =
        [-1, 6].into_iter().flat_map(|row| (0..4).map(move |column| (vec![row, column], owner(row, column))));
    assert_eq!(images, expected.collect());
    // Two columns on either side that nobody owns.
    assert_eq!(owners(&regions, 1, "outside").len(), 8 * 4);
    assert!(svg.contains("outside the array: nobody owns it"));
}

#[test]
fn the_memory_of_a_rank_is_drawn_where_it_lies() {
    // Rank 1 of 2 x 3 blocks of 3 x 2: above nobody, left 0, right 2, below 4.
    let svg = drawn(&["6x6 b+1,b+1p on 2x3", "--local", "1"]);
    let regions = regions(&svg);
    let global = |local: i64, start: i64, size: i64| (start + local).rem_euclid(size);
    let owner = |row: i64, column: i64| (row / 3 * 3 + column / 2).to_string();
    let (mut owned, mut halo) = (BTreeMap::new(), BTreeMap::new());
    for row in 0..4 {
        for column in 0..4 {
            let inside = row < 3 && (1..3).contains(&column);
            let ranks = owner(row, global(column, 1, 6));
            if inside { &mut owned } else { &mut halo }.insert(vec![row, column], ranks);
        }
    }
    assert_eq!(owners(&regions, 2, "owned"), owned);
    assert_eq!(owners(&regions, 2, "halo"), halo);
    assert_eq!(owners(&regions, 1, "owned").len(), 36);
    assert!(svg.contains("the memory of rank 1: 4x4") && svg.contains("owned 3x2"));
    // Its global columns: one before its own, two of its own, one after.
    for label in [">1<", ">2<", ">3<", ">4<"] {
        assert!(svg.contains(label));
    }
}

#[test]
fn memory_of_cyclic_and_listed_axes_is_packed() {
    for layout in ["10x7 c2,c3@1 on 2x2", "10x7 u(9 0 1|2 3 8 7|4 5 6),b on 3x2"] {
        let svg = drawn(&[layout, "--local", "0,3"]);
        let regions = regions(&svg);
        for (panel, rank) in [(2, "0"), (4, "3")] {
            let memory = owners(&regions, panel, "owned");
            assert!(memory.values().all(|owner| owner == rank));
            let array = owners(&regions, panel - 1, "owned");
            assert_eq!(memory.len(), array.values().filter(|owner| *owner == rank).count(), "{layout}");
        }
    }
}

#[test]
fn an_empty_rank_and_replicas_are_named() {
    let svg = drawn(&["9 b(0,4,4,9) on 3"]);
    assert!(svg.contains(">empty<"));
    let svg = drawn(&["4 b on 2 replicas 2"]);
    assert!(svg.contains("data-rank=\"0,2\"") && svg.contains("data-rank=\"1,3\""));
}

#[test]
fn the_picture_of_a_large_array_stays_small() {
    for layout in [
        "10000x10000 c,c on 4x4",
        "1000000000000 c on 7",
        "10000x10000 c64,c64 on 100x100",
        "4000x4000 b,b on 1000x1000",
        "100000000000 b on 2147483647",
    ] {
        let svg = drawn(&[layout]);
        assert!(regions(&svg).len() <= 4096 && svg.len() < 1_000_000, "{layout}: {}", svg.len());
        assert!(svg.contains("the first ") && !svg.contains("NaN"), "{layout}");
        drawn(&[layout, "--local", "3"]);
    }
    // All of a pattern that is not too fine.
    let svg = drawn(&["1000x1000 b,b on 8x8"]);
    assert_eq!(regions(&svg).len(), 64);
    let ranks: Vec<String> = (0..64).map(|rank| format!(">{rank}<")).collect();
    assert!(ranks.iter().all(|rank| svg.contains(rank.as_str())));
}

/// The widths and heights of all texts, and of the whole, by what they say.
fn sizes(svg: &str, text: impl Fn(&str) -> bool) -> Vec<f64> {
    let texts = svg.lines().filter(|line| line.starts_with("<text"));
    let said = texts.filter(|line| line.split(['<', '>']).nth(2).is_some_and(&text));
    said.map(|line| attribute(line, "font-size").unwrap().parse().unwrap()).collect()
}

#[test]
fn the_labels_of_a_panel_are_alike_and_ticks_stay_inside() {
    // 256 ranks of one to three digits in regions of two sizes.
    let svg = drawn(&["100x100 b,b on 16x16"]);
    let labels = svg.split("class=\"labels\"").nth(1).unwrap().split("class=\"ticks\"").next().unwrap();
    let found = sizes(labels, |_| true);
    assert!(found.len() == 256 && found.iter().all(|size| *size == found[0]), "{found:?}");
    // The number at the end of the axis is wider than the place behind it.
    let svg = drawn(&["1000000 b on 64"]);
    let width: f64 = attribute(&svg, "width").unwrap().parse().unwrap();
    assert!(svg.contains(">1000000<") && width > 1100.0 + 30.0, "{width}");
}

#[test]
fn a_long_legend_stands_below_a_flat_picture() {
    let size =
        |svg: &str| ["width", "height"].map(|side| attribute(svg, side).unwrap().parse::<f64>().unwrap());
    let [width, height] = size(&drawn(&["1000000 b on 64"]));
    assert!(height < width / 3.0, "{width} {height}");
    // Beside one that is as high as it is wide.
    let [width, height] = size(&drawn(&["64x64 b,b on 8x8"]));
    assert!(width > height, "{width} {height}");
}

#[cfg(feature = "png")]
#[test]
fn a_picture_is_png_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    distarray(["plot", "8x8 b,b on 2x2", "-o", &path("a.png"), "--scale", "1"]).expect(0);
    distarray(["plot", "8x8 b,b on 2x2", "-o", &path("a.svg")]).expect(0);
    let png = fs::read(path("a.png")).unwrap();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    let svg = fs::read_to_string(path("a.svg")).unwrap();
    let (width, height) = (attribute(&svg, "width").unwrap(), attribute(&svg, "height").unwrap());
    assert_eq!((side(16).to_string().as_str(), side(20).to_string().as_str()), (width, height));
}

#[test]
fn what_cannot_be_drawn_or_written_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    fs::write(path("kept.svg"), "before").unwrap();
    fs::create_dir(path("folder.svg")).unwrap();
    for (arguments, code) in [
        (vec!["8 b on 2", "-o", "a.gif"], 2),
        (vec!["8 b on 2", "-o", "a"], 2),
        (vec!["8 b on 2"], 2),
        (vec!["8 q on 2", "-o", &path("kept.svg")], 2),
        (vec!["8 b on 2", "-o", &path("kept.svg"), "--local", "2"], 2),
        (vec!["8x8 b,b on 2x2", "-o", &path("kept.svg"), "--axes", "0,0"], 2),
        (vec!["8x8 b,b on 2x2", "-o", &path("kept.svg"), "--axes", "0,2"], 2),
        (vec!["8x8x8 b,b,b on 2x2x2", "-o", &path("kept.svg"), "--at", "0,0,8"], 2),
        (vec!["8 b on 2", "8 c on 2", "-o", &path("kept.svg"), "--local", "0"], 2),
        (vec!["8 b on 2", "-o", &path("nowhere/a.svg")], 3),
        (vec!["8 b on 2", "-o", &path("folder.svg")], 3),
        (vec!["8 b on 2", "-o", "/proc/a.svg"], 3),
        (vec!["nowhere.json", "-o", &path("kept.svg")], 3),
    ] {
        distarray(["plot"].into_iter().chain(arguments.clone())).expect(code);
    }
    assert_eq!(fs::read_to_string(path("kept.svg")).unwrap(), "before");
}

/// The README's pictures are what their command lines draw.
#[test]
fn pictures_of_the_documentation_are_up_to_date() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let mut drawn = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("distarray plot ")) {
        let (arguments, path) = line.split_once(" -o ").unwrap();
        let words = arguments.strip_prefix("distarray plot ").unwrap().split('\'').enumerate();
        // In quotes, or between them.
        let words = words
            .flat_map(|(i, words)| if i % 2 == 1 { vec![words] } else { words.split_whitespace().collect() });
        let words: Vec<&str> = words.collect();
        let committed = fs::read_to_string(root().join(path)).unwrap();
        assert!(self::drawn(&words) == committed, "{path}: `make pictures` draws it anew");
        drawn.push(Path::new(path).to_owned());
    }
    let pictures = fs::read_dir(root().join("docs/src/pictures")).unwrap();
    assert_eq!(pictures.count(), drawn.len(), "every picture is one of the README: {drawn:?}");
}
