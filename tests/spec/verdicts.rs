//! The library's verdict on descriptions, index maps, messages and halos.

use distarray::array::{AnyArray, DType, Identity};
use distarray::comm::{self, Comm};
use distarray::distribution::Distribution;
use distarray::exchange::{Halo, Plan, Redistribution};
use distarray::protocol::{AxisMap, Dim, DimData, Reading, Repair, Value};
use distarray::{Error, Result};
use ndarray::{ArrayD, IxDyn};
use serde_json::Value as Json;

use super::vectors::{Refusal, Vector, each};

pub fn ints(json: &Json) -> Vec<i64> {
    serde_json::from_value(json.clone()).unwrap()
}

pub fn lists(json: &Json) -> Vec<Vec<i64>> {
    serde_json::from_value(json.clone()).unwrap()
}

/// Reads a description and checks it against its buffer, where one is stated.
pub fn local(value: &Value, shape: Option<&[i64]>, reading: Reading) -> Result<(DimData, Vec<Repair>)> {
    let (dim_data, repairs) = DimData::from_value(value, shape, reading)?;
    if let Some(shape) = shape {
        dim_data.check_strict(shape)?;
    }
    Ok((dim_data, repairs))
}

pub fn value(json: &Json) -> Value {
    Value::from_json(&json.to_string()).unwrap()
}

#[test]
fn descriptions() {
    each("local", 300, |vector| {
        let content = &vector.content;
        let value = match content.get("literal") {
            Some(text) => Value::from_literal(text.as_str().unwrap()).unwrap(),
            None => value(&content["description"]),
        };
        let shape = content.get("shape").map(ints);
        let lenient = content.contains_key("lenient");
        let reading = if lenient { Reading::Lenient } else { Reading::Protocol };
        match local(&value, shape.as_deref(), reading) {
            Ok((dim_data, repairs)) => {
                let found = repairs.iter().map(|r| (r.axis, r.key.clone())).collect::<Vec<_>>();
                let stated = content.get("mended").cloned().unwrap_or(Json::Array(Vec::new()));
                let stated: Vec<(Option<usize>, String)> = serde_json::from_value(stated).unwrap();
                assert_eq!(found, stated, "{}: what was mended", vector.id);
                // What is written is read again as the same, with nothing to mend.
                let again = DimData::from_value(&dim_data.to_value(), None, Reading::Protocol).unwrap();
                assert_eq!(again, (dim_data, Vec::new()), "{}", vector.id);
                None
            }
            Err(error) => Some(error.into()),
        }
    });
}

/// What all ranks agree on.
fn agreed<T: Send + PartialEq + std::fmt::Debug>(ranks: usize, body: impl Fn(&Comm) -> T + Sync) -> T {
    let mut all = comm::threads(ranks, |comm| body(&comm));
    let first = all.pop().unwrap();
    assert!(all.iter().all(|other| *other == first), "ranks differ: {first:?} and {all:?}");
    first
}

/// The collective verdict on what each rank brings.
pub fn gathered(parts: &[Result<DimData>]) -> Result<()> {
    agreed(parts.len(), |comm| {
        let mine = parts[comm.rank()].as_ref().map_err(Error::clone);
        Distribution::gather_dim_data(comm, mine).map(drop)
    })
}

fn descriptions_of(ranks: &Json, shapes: Option<&Json>) -> Vec<Result<DimData>> {
    let ranks = ranks.as_array().unwrap().iter().enumerate();
    ranks
        .map(|(rank, json)| {
            let shape = shapes.map(|shapes| ints(&shapes[rank]));
            local(&value(json), shape.as_deref(), Reading::Protocol).map(|(dim_data, _)| dim_data)
        })
        .collect()
}

fn with_memory(parts: &[Result<DimData>], dtypes: &Json, uids: Option<&Json>) -> Result<()> {
    agreed(parts.len(), |comm| {
        let rank = comm.rank();
        let dtype = DType::from_name(dtypes[rank].as_str().unwrap()).unwrap();
        let uid = uids.map_or([0, 0], |uids| serde_json::from_value(uids[rank].clone()).unwrap());
        let part = parts[rank].clone().unwrap();
        let array = AnyArray::zeros(part, dtype).unwrap().with_identity(Identity { uid, epoch: 0 });
        Distribution::gather(comm, &array).map(drop)
    })
}

/// An example's buffers hold the elements of the global array that their part says.
fn check_buffers(vector: &Vector, parts: &[Result<DimData>]) {
    let (Some(global), Some(buffers)) = (vector.content.get("global"), vector.content.get("buffers")) else {
        return;
    };
    for (rank, part) in parts.iter().enumerate() {
        let part = part.as_ref().unwrap();
        let shape = part.global_shape();
        let held: Vec<Vec<i64>> = part.dims().iter().map(|dim| dim.held_runs().indices().collect()).collect();
        let found: Vec<&Json> =
            product(&held).iter().map(|index| &global[flat(index, &shape) as usize]).collect();
        let stated: Vec<&Json> = buffers[rank].as_array().unwrap().iter().collect();
        assert_eq!(found, stated, "{} rank {rank}", vector.id);
    }
}

#[test]
fn sets_of_descriptions() {
    each("collective", 80, |vector| {
        let parts = descriptions_of(&vector.content["ranks"], vector.content.get("shapes"));
        let verdict = match vector.content.get("dtypes") {
            Some(dtypes) => with_memory(&parts, dtypes, vector.content.get("uids")),
            None => gathered(&parts),
        };
        if verdict.is_ok() {
            check_buffers(vector, &parts);
        }
        verdict.err().map(Refusal::from)
    });
}

#[test]
fn index_maps() {
    each("maps", 100, |vector| {
        let parts = descriptions_of(&Json::Array(vector.content["parts"].as_array().unwrap().clone()), None);
        let dims: Vec<Dim> = parts.into_iter().map(|part| part.unwrap().dims()[0].clone()).collect();
        let (held, owned) = (lists(&vector.content["held"]), lists(&vector.content["owned"]));
        for ((dim, held), owned) in dims.iter().zip(&held).zip(&owned) {
            assert_eq!(&dim.held_runs().indices().collect::<Vec<_>>(), held, "{}", vector.id);
            assert_eq!(&dim.owned_runs().indices().collect::<Vec<_>>(), owned, "{}", vector.id);
            for (local, &global) in (0..).zip(held) {
                assert_eq!(dim.global_of(local), Some(global), "{}", vector.id);
                assert_eq!(dim.local_of(global), Some(local), "{}", vector.id);
            }
            assert_eq!((dim.global_of(-1), dim.global_of(held.len() as i64)), (None, None), "{}", vector.id);
        }
        let map = AxisMap::from_dims(&dims).unwrap_or_else(|error| panic!("{}: {error}", vector.id));
        for index in -1..=map.size() {
            let owner = owned.iter().position(|owned| owned.contains(&index));
            assert_eq!(map.owner(index), owner.map(|owner| owner as i64), "{} index {index}", vector.id);
        }
        None
    });
}

/// All choices of one index along each axis, the last axis fastest.
fn product(along: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let mut all = vec![Vec::new()];
    for list in along {
        all = all.iter().flat_map(|head| list.iter().map(|&i| [head.clone(), vec![i]].concat())).collect();
    }
    all
}

fn flat(index: &[i64], shape: &[i64]) -> i64 {
    index.iter().zip(shape).fold(0, |number, (i, n)| number * n + i)
}

/// Every owned element of a part as its row-major number.
fn numbered(part: &DimData) -> Vec<i64> {
    let owned: Vec<Vec<i64>> = part.dims().iter().map(|dim| dim.owned_runs().indices().collect()).collect();
    product(&owned).iter().map(|index| flat(index, &part.global_shape())).collect()
}

#[test]
fn messages() {
    each("messages", 15, |vector| {
        let [source, target] = ["source", "target"].map(|side| {
            let parts = descriptions_of(&vector.content[side], None);
            parts.into_iter().map(|part| part.unwrap()).collect::<Vec<_>>()
        });
        let sent = comm::threads(source.len(), |comm| {
            let a = Distribution::gather_dim_data(&comm, Ok(&source[comm.rank()])).unwrap();
            let b = Distribution::gather_dim_data(&comm, Ok(&target[comm.rank()])).unwrap();
            // The elements themselves arrive.
            let u = a.from_fn(|index| flat(index, &a.shape())).unwrap();
            let v = Redistribution::new(&a, &b).unwrap().apply(&u).unwrap();
            let arrived: Vec<i64> = v.owned().iter().copied().collect();
            assert_eq!(arrived, numbered(&target[comm.rank()]), "{}", vector.id);
            // And the plan lists no others.
            let plan = Plan::for_rank(a.decomposition(), b.decomposition(), comm.rank() as i64).unwrap();
            let message = |message: &distarray::exchange::Message<'_>| {
                let along = message.axes.iter().zip(a.dim_data().dims()).map(|(part, dim)| {
                    let owned: Vec<i64> = dim.owned_runs().indices().collect();
                    let mut indices = Vec::new();
                    for piece in part.pieces {
                        for k in 0..piece.count {
                            let start = piece.mine + k * part.steps.mine;
                            indices.extend((start..start + piece.len).map(|at| owned[at as usize]));
                        }
                    }
                    indices.sort_unstable();
                    indices
                });
                serde_json::json!({"from": comm.rank(), "to": message.rank, "indices": along.collect::<Vec<_>>()})
            };
            let mut sends: Vec<Json> = plan.sends().map(|m| message(&m)).collect();
            sends.sort_by_key(|message| message["to"].as_i64());
            sends
        });
        let right = Json::Array(sent.concat()) == vector.content["messages"];
        (!right).then(|| broken("M1", "messages"))
    });
}

#[test]
fn halos() {
    const UNTOUCHED: i64 = -7;
    each("halo", 10, |vector| {
        let parts = descriptions_of(&vector.content["ranks"], None);
        let filled = comm::threads(parts.len(), |comm| {
            let d = Distribution::gather_dim_data(&comm, parts[comm.rank()].as_ref().map_err(Error::clone))
                .unwrap();
            let held: Vec<usize> = d.dim_data().held_shape().iter().map(|&n| n as usize).collect();
            let mut u = d.zeros::<i64>().unwrap();
            u.view_mut().unwrap().fill(UNTOUCHED);
            let own = u.owned().shape().to_vec();
            let numbers = ArrayD::from_shape_vec(IxDyn(&own), numbered(d.dim_data())).unwrap();
            u.owned_mut().unwrap().assign(&numbers);
            Halo::new(&d).unwrap().update(&mut u).unwrap();
            assert_eq!(u.view().shape(), held);
            u.view().iter().map(|&x| (x != UNTOUCHED).then_some(x)).collect::<Vec<Option<i64>>>()
        });
        let right = serde_json::json!(filled) == vector.content["buffers"];
        (!right).then(|| broken("M2", "buffers"))
    });
}

fn broken(rule: &str, field: &str) -> Refusal {
    Refusal { rule: Some(rule.into()), field: Some(field.into()), ..Refusal::default() }
}
