//! The table and the JSON of a plan.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Better;
use super::traffic::{Exchange, Select, Tallies, Tally};
use crate::layout::{Layout, joined};
use crate::outcome::Outcome;
use crate::text;

/// All that is told of a plan.
pub struct Report<'a> {
    pub from: &'a Layout,
    pub to: Option<&'a Layout>,
    pub exchange: &'a Exchange<'a>,
    pub tallies: Tallies,
    pub better: Option<Better>,
    pub itemsize: u32,
    pub rank: Option<i64>,
}

/// A number of each rank: its sum, its least and greatest value, and which rank has that.
struct Spread {
    total: i128,
    least: i128,
    mean: f64,
    most: i128,
    busiest: i64,
}

/// Ranks whose numbers are all listed, and messages.
const LISTED: usize = 16;

impl Report<'_> {
    fn spread(&self, of: impl Fn(&Tally) -> i128) -> Spread {
        let ranks = &self.tallies.ranks;
        let value = |(_, tally): &(i64, Tally)| of(tally);
        let sum: i128 = ranks.iter().map(value).sum();
        let mean = sum as f64 / ranks.len().max(1) as f64;
        let most = ranks.iter().map(value).max().unwrap_or(0);
        let busiest = ranks.iter().find(|rank| value(rank) == most).map_or(0, |(rank, _)| *rank);
        // From some ranks: as if the others were like them.
        let total = sum * i128::from(self.exchange.ranks()) / i128::try_from(ranks.len()).unwrap_or(1).max(1);
        Spread { total, least: ranks.iter().map(value).min().unwrap_or(0), mean, most, busiest }
    }

    /// Copied, sent and received.
    fn volumes(&self) -> [Spread; 3] {
        let copied = self.spread(|tally| tally.copied);
        let mut sent = self.spread(|tally| tally.sent);
        let mut received = self.spread(|tally| tally.received);
        // Some ranks may be unlike the others, but all elements of the target come from somewhere.
        if let (false, Some(to)) = (self.tallies.exact, self.to) {
            let elements: i128 = to.shape().iter().map(|&size| i128::from(size)).product();
            sent.total = elements * i128::from(to.decomposition().replicas()) - copied.total;
        }
        received.total = sent.total;
        [copied, sent, received]
    }

    fn bytes(&self, elements: i128) -> i128 {
        elements * i128::from(self.itemsize)
    }

    fn movement(&self) -> &'static str {
        match self.exchange.select {
            Select::All => "redistribution",
            Select::Faces => "halo",
            Select::Corners => "halo with corners",
        }
    }

    /// Prints a table for a person.
    pub fn table(&self, out: &mut dyn Write) -> Outcome<()> {
        match self.to {
            Some(to) => {
                writeln!(out, "from      {}", self.from)?;
                writeln!(out, "to        {to}")?;
            }
            None => writeln!(out, "{:<10}{}", "halo of", self.from)?,
        }
        if !self.exchange.axes.is_sorted() {
            let axes: Vec<String> = self.exchange.axes.iter().map(usize::to_string).collect();
            writeln!(out, "axes      {}", axes.join(","))?;
        }
        let plural = if self.itemsize == 1 { "" } else { "s" };
        writeln!(out, "ranks     {}, elements of {} byte{plural}", self.exchange.ranks(), self.itemsize)?;
        if !self.tallies.exact {
            let looked = self.tallies.ranks.len();
            writeln!(
                out,
                "estimate  from {looked} ranks spread over all: sums are scaled up, extremes are theirs"
            )?;
        }
        writeln!(out)?;
        writeln!(out, "{:<9}{:>12}{:>14}{:>12}{:>12}", "", "all ranks", "least on one", "mean", "most")?;
        let row = |name: &str, spread: &Spread, show: &dyn Fn(f64) -> String| {
            let Spread { total, least, mean, most, busiest } = spread;
            let [total, least, most] = [total, least, most].map(|&value| show(value as f64));
            let mean = show(*mean);
            let which = if least == most { "each".into() } else { format!("rank {busiest}") };
            format!("{name:<9}{total:>12}{least:>14}{mean:>12}{most:>12}  {which}")
        };
        let size = |value: f64| text::bytes(value * f64::from(self.itemsize));
        let [copied, sent, received] = self.volumes();
        writeln!(out, "{}", row("copied", &copied, &size))?;
        writeln!(out, "{}", row("sent", &sent, &size))?;
        writeln!(out, "{}", row("received", &received, &size))?;
        writeln!(out, "{}", row("messages", &self.spread(|tally| tally.messages), &text::short))?;
        writeln!(out)?;
        let largest = self.spread(|tally| tally.largest);
        if largest.most == 0 {
            writeln!(out, "No message: every rank has what it needs.")?;
        } else {
            let on = largest.busiest;
            writeln!(
                out,
                "largest   {} in one message, from rank {on}",
                text::bytes(self.bytes(largest.most) as f64)
            )?;
            let [sends, receives] = [&sent, &received].map(balance);
            writeln!(
                out,
                "balance   {sends:.2} sent, {receives:.2} received: the busiest rank over the mean"
            )?;
        }
        self.every_rank(out)?;
        self.one_rank(out)?;
        self.advice(out, sent.total)
    }

    /// A line for each of a few ranks.
    fn every_rank(&self, out: &mut dyn Write) -> Outcome<()> {
        let ranks = &self.tallies.ranks;
        if ranks.len() > LISTED || ranks.len() < 2 || self.rank.is_some() {
            return Ok(());
        }
        writeln!(
            out,
            "\nrank {:>11}{:>12}{:>12}{:>10}{:>12}",
            "copied", "sent", "received", "messages", "largest"
        )?;
        for (rank, tally) in ranks {
            let size = |elements| text::bytes(self.bytes(elements) as f64);
            let Tally { copied, sent, received, messages, largest } = *tally;
            let [copied, sent, received, largest] = [copied, sent, received, largest].map(size);
            writeln!(out, "{rank:<5}{copied:>11}{sent:>12}{received:>12}{messages:>10}{largest:>12}")?;
        }
        Ok(())
    }

    /// The messages of the rank that is asked for.
    fn one_rank(&self, out: &mut dyn Write) -> Outcome<()> {
        let Some(rank) = self.rank else { return Ok(()) };
        let [sends, receives] = self.exchange.messages(rank)?;
        for (name, way, messages) in [("sends", "to", sends), ("receives", "from", receives)] {
            let Some(messages) = messages else {
                writeln!(out, "\nrank {rank} {name} more messages than can be listed")?;
                continue;
            };
            if messages.is_empty() {
                writeln!(out, "\nrank {rank} {name} nothing")?;
                continue;
            }
            writeln!(out, "\nrank {rank} {name}")?;
            for (peer, elements) in messages.iter().take(LISTED * 4) {
                let stays = if *peer == rank { "  a copy within the rank" } else { "" };
                let size = text::bytes(self.bytes(*elements) as f64);
                writeln!(out, "  {size:>10}  {way} rank {peer}{stays}")?;
            }
            if messages.len() > LISTED * 4 {
                writeln!(out, "  and {} more; --json lists all", messages.len() - LISTED * 4)?;
            }
        }
        Ok(())
    }

    fn advice(&self, out: &mut dyn Write, sent: i128) -> Outcome<()> {
        let (Some(better), Some(to)) = (&self.better, self.to) else { return Ok(()) };
        let [now, then] = [sent, better.sent].map(|elements| text::bytes(self.bytes(elements) as f64));
        writeln!(
            out,
            "\nWith the ranks of the target numbered otherwise, {then} would be sent and not {now}:"
        )?;
        writeln!(out, "Distribution::relabelled, or distarray_distribution_relabel in C, numbers them so.")?;
        if better.order.len() <= LISTED {
            writeln!(out, "  '{}'", to.with_order(&format!(" order {}", joined(&better.order, ","))))?;
        }
        Ok(())
    }

    /// Prints JSON for a program.
    pub fn json(&self, out: &mut dyn Write) -> Outcome<()> {
        let spread = |spread: &Spread, size: i128| {
            let Spread { total, least, mean, most, busiest } = spread;
            json!({
                "total": number(total * size), "least": number(least * size), "mean": mean * size as f64,
                "most": number(most * size), "most_on_rank": busiest,
            })
        };
        let itemsize = i128::from(self.itemsize);
        let [copied, sent, received] = self.volumes();
        let rank = |(rank, tally): &(i64, Tally)| {
            let Tally { copied, sent, received, messages, largest } = *tally;
            json!({
                "rank": rank, "copied": number(copied * itemsize), "sent": number(sent * itemsize),
                "received": number(received * itemsize), "messages": number(messages),
                "largest": number(largest * itemsize),
            })
        };
        let mut report = json!({
            "movement": self.movement(),
            "from": self.from.to_string(),
            "to": self.to.map(Layout::to_string),
            "axes": self.exchange.axes,
            "itemsize": self.itemsize,
            "ranks": self.exchange.ranks(),
            "exact": self.tallies.exact,
            "ranks_looked_at": self.tallies.ranks.len(),
            "copied": spread(&copied, itemsize),
            "sent": spread(&sent, itemsize),
            "received": spread(&received, itemsize),
            "messages": spread(&self.spread(|tally| tally.messages), 1),
            "largest": number(self.bytes(self.spread(|tally| tally.largest).most)),
        });
        if self.tallies.ranks.len() <= MOST_IN_JSON {
            report["each_rank"] = self.tallies.ranks.iter().map(rank).collect();
        }
        if let Some(better) = &self.better {
            report["relabelled"] = json!({ "sent": number(self.bytes(better.sent)), "order": better.order });
        }
        if let Some(rank) = self.rank {
            let list = |messages: &Option<Vec<(i64, i128)>>| -> Value {
                let message = |(rank, elements): &(i64, i128)| json!({ "rank": rank, "bytes": number(self.bytes(*elements)) });
                messages.as_ref().map(|all| all.iter().map(message).collect()).unwrap_or_default()
            };
            let [sends, receives] = self.exchange.messages(rank)?;
            report["of_rank"] = json!({ "rank": rank, "sends": list(&sends), "receives": list(&receives) });
        }
        serde_json::to_writer_pretty(&mut *out, &report).map_err(io::Error::from)?;
        writeln!(out)?;
        Ok(())
    }
}

/// Ranks that the JSON lists one by one.
const MOST_IN_JSON: usize = 4096;

/// A whole number, as a float beyond 64 bits.
fn number(value: i128) -> Value {
    i64::try_from(value).map_or_else(|_| json!(value as f64), |value| json!(value))
}

/// How much more the busiest rank does than the mean.
fn balance(spread: &Spread) -> f64 {
    if spread.mean > 0.0 { spread.most as f64 / spread.mean } else { 1.0 }
}
