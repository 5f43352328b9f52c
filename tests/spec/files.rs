//! Files and sets: read as stated, and written again byte for byte where they are canonical.

use distarray::io::dnpy;
use distarray::protocol::Reading;

use super::vectors::{Refusal, content, each};
use super::verdicts::{ints, local, value};

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("part.dnpy");
    each("dnpy", 80, |vector| {
        let content = content(&vector.content["content"]);
        let array = match dnpy::read_bytes(&content) {
            Ok(array) => array,
            Err(error) => return Some(error.into()),
        };
        let shape = ints(&vector.content["shape"]);
        let stated =
            local(&value(&vector.content["description"]), Some(&shape), Reading::Protocol).unwrap().0;
        assert_eq!(array.dim_data(), &stated, "{}", vector.id);
        assert_eq!(array.buffer().shape(), shape, "{}", vector.id);
        dnpy::write(&path, &array).unwrap();
        let canonical = std::fs::read(&path).unwrap();
        let word = |text: &str| Some(text.to_owned());
        (canonical != content).then(|| Refusal {
            rule: word("F9"),
            field: word("file"),
            ..Refusal::default()
        })
    });
}

#[test]
fn sets() {
    each("set", 20, |vector| {
        let directory = tempfile::tempdir().unwrap();
        let prefix = directory.path().join("u");
        let path = |suffix: &str| directory.path().join(format!("u{suffix}"));
        std::fs::write(path(".manifest"), content(&vector.content["manifest"])).unwrap();
        for (suffix, pieces) in vector.content["files"].as_object().unwrap() {
            std::fs::write(path(suffix), content(pieces)).unwrap();
        }
        let read = || {
            let manifest = dnpy::Manifest::open(&prefix)?.unwrap();
            let members = manifest.members().collect::<distarray::Result<Vec<_>>>()?;
            members.iter().try_for_each(|member| member.verify(&mut |_| Ok(())))?;
            Ok(members)
        };
        let members = match read() {
            Ok(members) => members,
            Err(error) => return Some(distarray::Error::into(error)),
        };
        for (member, suffix) in members.iter().zip(vector.content["reads"].as_array().unwrap()) {
            assert_eq!(member.path(), path(suffix.as_str().unwrap()), "{}", vector.id);
        }
        None
    });
}
