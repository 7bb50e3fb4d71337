//! What is planted in the releases of OCDS, in which of them, and what a detector must say of it.
//!
//! Where a case is depends on the number of its release and on how many there are, on nothing else.

use super::record::{
    DECISION, DISPERSION, DISQUALIFIED, Expected, FEW_BIDDERS, GAP, HETEROGENEOUS, IDENTICAL, LATE_BID, NEAR_ESTIMATE,
    PAYMENTS, ROTATION, SHORT, SINGLE_BID,
};

/// Releases from which there are cases: fewer are no peers.
const CASES_FROM: u64 = 1_000;
/// Releases from which there are cartels, a ring and a pair.
const GROUPS_FROM: u64 = 2_000;
/// One release in so many holds a case, in turn.
const CASE_EVERY: u64 = 25;
/// Its place among so many.
const CASE_AT: u64 = 24;
/// Place of the ring among so many.
const RING_AT: u64 = 12;
/// Place of the pair among so many.
const PAIR_AT: u64 = 7;
/// One release in so many is one of a cartel.
const CARTEL_EVERY: u64 = 200;
/// Place of the cartel's release among so many.
const CARTEL_AT: u64 = 73;
/// Tenders of a cartel, so that no finding grows with the sample.
const CARTEL_TENDERS: u64 = 10;
/// Tenders in which the ring takes turns.
pub(super) const RING_TENDERS: u64 = 24;
/// Tenders of the pair.
const PAIR_TENDERS: u64 = 8;
/// Releases from which there are wholesalers: enough of them, each with enough tenders, to be peers.
const WHOLESALE_FROM: u64 = 60_000;
/// One release in so many is won by one of them.
const WHOLESALE_EVERY: u64 = 60;
/// Its place among so many.
const WHOLESALE_AT: u64 = 31;
/// Wholesalers.
const WHOLESALERS: u64 = 40;
/// Tenders that each of them wins.
const WHOLESALE_TENDERS: u64 = 24;
/// One wholesaler in so many sells whatever is wanted.
const MOTLEY_EVERY: u64 = 20;
/// One release in so many is decided slowly: more than one in twenty, which is what the detector asks.
const SLOW_EVERY: u64 = 12;
/// Place of the slow one among so many.
const SLOW_AT: u64 = 5;

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// An open tender with one bid.
    SingleBid,
    /// Two bids of the same amount.
    IdenticalBids,
    /// Bids in constant steps of two per cent.
    ConstantSteps,
    /// A valid bid wins that is not the lowest.
    NotTheLowest,
    /// Two days for bids.
    ShortPeriod,
    /// Awarded on the last day for bids.
    FastDecision,
    /// Awarded two months after the last day for bids.
    SlowDecision,
    /// Awarded at 99 % of the estimate, with competitors.
    NearEstimate,
    /// Awarded at 110 % of the estimate.
    AboveEstimate,
    /// Awarded at 97 % of the estimate.
    BelowEstimate,
    /// The second bid is twice the first.
    FarRunnerUp,
    /// The second bid is half a thousandth above the first.
    CloseRunnerUp,
    /// The winning bid came an hour after the deadline of a tender that is no auction.
    LateBid,
    /// The winning bid of such a tender came with the deadline.
    BidInTime,
    /// The winning bid of an auction came an hour after the deadline.
    LateInAuction,
    /// The lowest bid is disqualified, and the second wins.
    LowestOut,
    /// All but the winner are disqualified.
    AllOut,
    /// One loser of several is disqualified.
    OneOut,
    /// Paid a tenth more than the contract is worth.
    Overpaid,
    /// Paid before the signature.
    PaidEarly,
    /// Paid a hundredth more than the contract is worth.
    PaidOnTheMark,
    /// Firms that meet like a cartel's, once.
    Isolated,
    /// The same five firms once more, close to each other and away from the winner.
    Cartel { number: u64, tender: u64 },
    /// Three firms win works in turns.
    Ring { tender: u64 },
    /// One firm wins services, and another that always bids against it never does.
    Pair { tender: u64 },
    /// A firm that wins many tenders: of goods of two to five classes, or of sixteen.
    Wholesaler { number: u64, tender: u64 },
}

impl Case {
    /// Those that come in turn.
    const ALL: [Self; 21] = [
        Self::SingleBid,
        Self::IdenticalBids,
        Self::ConstantSteps,
        Self::NotTheLowest,
        Self::ShortPeriod,
        Self::FastDecision,
        Self::NearEstimate,
        Self::AboveEstimate,
        Self::BelowEstimate,
        Self::FarRunnerUp,
        Self::CloseRunnerUp,
        Self::LateBid,
        Self::BidInTime,
        Self::LateInAuction,
        Self::LowestOut,
        Self::AllOut,
        Self::OneOut,
        Self::Overpaid,
        Self::PaidEarly,
        Self::PaidOnTheMark,
        Self::Isolated,
    ];

    /// The case of a release of a sample of so many.
    pub(super) fn of(index: u64, rows: u64) -> Option<Self> {
        let (turn, place) = (index / CASE_EVERY, index % CASE_EVERY);
        let (number, whole) = (index / (CARTEL_EVERY * CARTEL_TENDERS), CARTEL_EVERY * CARTEL_TENDERS);
        if rows < CASES_FROM {
            None
        } else if place == CASE_AT {
            Some(Self::ALL[turn as usize % Self::ALL.len()])
        } else if rows >= GROUPS_FROM && place == RING_AT && turn < RING_TENDERS {
            Some(Self::Ring { tender: turn })
        } else if rows >= GROUPS_FROM && place == PAIR_AT && turn < PAIR_TENDERS {
            Some(Self::Pair { tender: turn })
        } else if rows >= WHOLESALE_FROM
            && index % WHOLESALE_EVERY == WHOLESALE_AT
            && index / WHOLESALE_EVERY < WHOLESALERS * WHOLESALE_TENDERS
        {
            let turn = index / WHOLESALE_EVERY;
            Some(Self::Wholesaler { number: turn % WHOLESALERS, tender: turn / WHOLESALERS })
        } else if index % CARTEL_EVERY == CARTEL_AT && (number + 1) * whole <= rows {
            // A cartel whose last tenders are cut off would be none.
            Some(Self::Cartel { number, tender: index / CARTEL_EVERY % CARTEL_TENDERS })
        } else {
            (index % SLOW_EVERY == SLOW_AT).then_some(Self::SlowDecision)
        }
    }

    /// As `labels.csv` names it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SingleBid => "single_bid",
            Self::IdenticalBids => "identical_bids",
            Self::ConstantSteps => "constant_steps",
            Self::NotTheLowest => "not_the_lowest",
            Self::ShortPeriod => "short_period",
            Self::FastDecision => "fast_decision",
            Self::SlowDecision => "slow_decision",
            Self::NearEstimate => "near_estimate",
            Self::AboveEstimate => "above_estimate",
            Self::BelowEstimate => "below_estimate",
            Self::FarRunnerUp => "far_runner_up",
            Self::CloseRunnerUp => "close_runner_up",
            Self::LateBid => "late_bid",
            Self::BidInTime => "bid_in_time",
            Self::LateInAuction => "late_in_auction",
            Self::LowestOut => "lowest_out",
            Self::AllOut => "all_out",
            Self::OneOut => "one_out",
            Self::Overpaid => "overpaid",
            Self::PaidEarly => "paid_early",
            Self::PaidOnTheMark => "paid_on_the_mark",
            Self::Isolated => "isolated",
            Self::Cartel { .. } => "cartel",
            Self::Ring { .. } => "ring",
            Self::Pair { .. } => "pair",
            Self::Wholesaler { .. } => "wholesaler",
        }
    }

    /// What detectors must say: detector, answer, and the severity of what fires or the reason of what does not.
    pub(super) const fn expected(self) -> &'static [(&'static str, Expected, &'static str)] {
        use Expected::{Clear, Fired, NotEvaluable};
        match self {
            Self::SingleBid => &[(SINGLE_BID, Fired, "severity=medium_or_high"), (FEW_BIDDERS, Fired, "severity=low")],
            Self::IdenticalBids => &[(IDENTICAL, Fired, "severity=low")],
            Self::ConstantSteps => &[(DISPERSION, Clear, "")],
            Self::NotTheLowest => &[(GAP, NotEvaluable, "not_the_lowest_won")],
            Self::ShortPeriod => &[(SHORT, Fired, "severity=low")],
            Self::FastDecision | Self::SlowDecision => &[(DECISION, Fired, "severity=low")],
            Self::NearEstimate => &[(NEAR_ESTIMATE, Fired, "severity=low")],
            Self::AboveEstimate => &[(NEAR_ESTIMATE, Fired, "severity=medium")],
            Self::BelowEstimate => &[(NEAR_ESTIMATE, Clear, "")],
            Self::FarRunnerUp => &[(GAP, Fired, "severity=medium")],
            Self::CloseRunnerUp => &[(GAP, Fired, "severity=low")],
            Self::LateBid => &[(LATE_BID, Fired, "severity=high")],
            Self::BidInTime => &[(LATE_BID, Clear, "")],
            Self::LateInAuction => &[(LATE_BID, NotEvaluable, "auction")],
            Self::LowestOut => &[(DISQUALIFIED, Fired, "severity=medium")],
            Self::AllOut => &[(DISQUALIFIED, Fired, "severity=medium"), (GAP, NotEvaluable, "no_runner_up")],
            Self::OneOut => &[(DISQUALIFIED, Clear, "")],
            Self::Overpaid => &[(PAYMENTS, Fired, "severity=high")],
            Self::PaidEarly => &[(PAYMENTS, Fired, "severity=medium")],
            Self::PaidOnTheMark => &[(PAYMENTS, Clear, "")],
            Self::Isolated => &[(DISPERSION, Clear, "isolated")],
            Self::Cartel { .. } => &[(DISPERSION, Fired, "severity=medium")],
            Self::Ring { .. } => &[(ROTATION, Fired, "severity=high")],
            Self::Pair { .. } => &[(ROTATION, Fired, "severity=medium")],
            Self::Wholesaler { number, .. } if number.is_multiple_of(MOTLEY_EVERY) => {
                &[(HETEROGENEOUS, Fired, "severity=low")]
            }
            Self::Wholesaler { .. } => &[],
        }
    }

    /// The first two digits of the class of what is bought, where the case decides it.
    pub(super) const fn class(self) -> Option<u64> {
        match self {
            Self::Wholesaler { number, tender } if number.is_multiple_of(MOTLEY_EVERY) => Some(10 + tender % 16),
            Self::Wholesaler { number, tender } => Some(10 + tender % (2 + number % 4)),
            _ => None,
        }
    }

    /// Whether it is the first release of what a detector answers for at once.
    pub(super) const fn first(self) -> bool {
        match self {
            Self::Ring { tender } | Self::Pair { tender } | Self::Wholesaler { tender, .. } => tender == 0,
            _ => true,
        }
    }
}
