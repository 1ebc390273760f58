/*
 * The hand-over of an epoch, as a neighborhood of four does it: what is SETTLED survives, nothing else is promised.
 *
 * Documents: research/consensus.md §3.1 (R1-R6), §3.4 (E1-E5); DESIGN, protocol rules 2, 5 and 6.
 *
 * Modelled
 *   One object of one owner who signs everything that can be signed: orders 1 and 2 at version 1; at version 2 the orders
 *   1 and 2 on top of the first, 3 on top of the second. Seat 0 lies: it votes for all of them in every epoch, whenever
 *   that helps, tells each member something else, and reports what it likes as far as proofs exist. Seats 1-3 are honest.
 *   Weights are 3, 2, 2, 3 (W = 10, f = 3, q = 7): any three of four, as with equal weights; but a quorum of those READY
 *   alone would be unsound here already, as it is for 25 equal seats and not yet for 4. Since any three will do, honest
 *   seats are interchangeable: they are kept sorted, and the seat that has a new holder, or none, is always the third.
 *   The network is as bad as can be: what can be shown to a member (a certificate that exists) reaches it late, or never,
 *   and in any order; votes are a set that only grows, and a certificate exists as soon as its votes do.
 *   The chain (Simplex, see simplex.pml) is a sequence that all members execute, each at its own pace:
 *   PREPARE, perhaps ABORT and PREPARE again, CLOSE with READY, reports, FINAL; checkpoints in between. PREPARE itself
 *   changes nothing for votes; the first is in force from the beginning. Epochs 1 and 2 are run and closed. In epoch 2 a
 *   joiner has seat 3, or it is vacant: nobody was READY for it, it never votes and counts in W.
 *   Restarts: by rule W a vote is on the disk before it is out, so that a restart changes nothing (RESTART_FORGETS if not).
 *
 * Not modelled
 *   Batches, UNLOCK (unlock.pml), how the chain agrees (simplex.pml), more than one object (orders of different
 *   objects meet only by SETTLED dependencies), who may sit where, that something happens at all (liveness).
 *
 * Each weakening below leaves out one rule, and must be refuted: -DQUORUM_TWO_SEATS, ... (test/system/models.system.ts).
 */

#ifdef QUORUM_TWO_SEATS
#define Q0 5
#define QUORUM_WITHOUT_LIAR 1
#else
#define QUORUM_WITHOUT_LIAR 2
#define Q0 7 /* floor(2 * 10 / 3) + 1 */
#endif

#ifdef READY_QUORUM
byte q = Q0; /* the weight that is READY is taken for all there is */
#else
#define q Q0
#endif

#if defined(OLD_VOTES_COUNT) || defined(LOCKS_LOST_ON_ABORT) || defined(RESTART_FORGETS)
#define STALE /* votes that their member does not remember, or should not count any more */
#endif

#if !defined(OLD_VOTES_COUNT) && !defined(OWN_STATE_ENTERS) && !defined(KEYS_KEPT)
#define SORTED /* who is who does not matter */
#endif

#define PREVIOUS(order2) (order2 == 3 -> 2 : 1) /* the order at version 1 that an order at version 2 stands on */
#define WEIGHT(s) (s == 3 -> 3 : 2)
#define NONE 0

typedef Seat {
  byte lock[3];      /* by version: the order that it LOCKed in this epoch */
  byte head[3];      /* by version: the order it knows certified in this epoch, or decided by the chain */
  byte confirmed[3]; /* by version: the order that it CONFIRMed */
  byte report[3];    /* by version: what its CLOSE report lists */
#ifdef STALE
  byte stale[3];
#endif
  byte frozen;       /* it executed CLOSE */
  byte filed;        /* its report is on the chain */
};

Seat seat[4]; /* 1-3: 0 is the liar, who needs no memory */

byte epoch = 1;
bool closed;       /* CLOSE is on the chain */
bool aborted;      /* ABORT was: one is enough to see */
byte vacant;       /* seat without a READY member in this epoch, 0: none */
byte decided[3];   /* by version: what checkpoints and hand-overs decided */
byte settled[3];   /* by version: what anybody, ever, could show >= q CONFIRMs for. Never read by members, but for checkpoints */

byte s, i, v, o, weighed, absent, applied[3]; /* of one step; 0 between steps */

#ifdef KEYS_KEPT
bool forgeable[12]; /* by version * 4 + order: CONFIRMs that lack only the one who left epoch 1 */
#endif
#ifdef OLD_CERTIFICATE
byte oldCertificate[3];
#endif
#ifdef REACH
bool rolledBack; /* an order was certified and not decided */
#endif

#ifdef STALE
#define LOCKED(x, ver, ord) (seat[x].lock[ver] == ord || seat[x].stale[ver] == ord)
#else
#define LOCKED(x, ver, ord) (seat[x].lock[ver] == ord)
#endif
#define CONFIRMED(x, ver, ord) (seat[x].confirmed[ver] == ord)

#define SUM(kind, ver, ord) (3 + (kind(1, ver, ord) -> 2 : 0) + (kind(2, ver, ord) -> 2 : 0) + (kind(3, ver, ord) -> 3 : 0))
#define CERTIFICATE(ver, ord) (SUM(LOCKED, ver, ord) >= q)
#define SETTLEMENT(ver, ord) (SUM(CONFIRMED, ver, ord) >= q)

#ifdef OLD_CERTIFICATE
#define SHOWN(ver, ord) (CERTIFICATE(ver, ord) || oldCertificate[ver] == ord || decided[ver] == ord)
#else
#define SHOWN(ver, ord) (CERTIFICATE(ver, ord) || decided[ver] == ord)
#endif

#ifdef VOTE_AFTER_FREEZE
#define VOTES(x) (x != vacant)
#else
#define VOTES(x) (x != vacant && !seat[x].frozen)
#endif

#ifdef REPORT_BEFORE_FREEZE
#define REPORTS(x) (x != vacant)
#else
#define REPORTS(x) (x != vacant && seat[x].frozen)
#endif

#if defined(VOTE_AFTER_FREEZE) || defined(REPORT_BEFORE_FREEZE)
#define LISTENS(x) (x != vacant)
#else
#define LISTENS(x) (x != vacant && !seat[x].filed) /* what it hears later has no consequence: it votes no more */
#endif

#ifdef CHECKPOINT_UNCHECKED
#define COVERS(ver, ord) (decided[ver] == NONE && (ver == 1 || decided[1] == PREVIOUS(ord)))
#else
#define COVERS(ver, ord) (decided[ver] == NONE && settled[ver] == ord && (ver == 1 || decided[1] == PREVIOUS(ord)))
#endif

/* R1: the order stands on the head; one LOCK for each version, whatever else is shown. */
#define MAY_LOCK1(ord) (VOTES(i) && seat[i].head[1] == NONE && seat[i].lock[1] == NONE)
#define MAY_LOCK2(ord) (VOTES(i) && seat[i].head[1] == PREVIOUS(ord) && seat[i].head[2] == NONE && seat[i].lock[2] == NONE)
/* R4, R6: adopts a certificate from anyone, also when frozen; of this epoch only, and where its predecessor is known. */
#define MAY_ADOPT1(ord) (LISTENS(i) && seat[i].head[1] == NONE && SHOWN(1, ord))
#define MAY_ADOPT2(ord) (LISTENS(i) && seat[i].head[2] == NONE && seat[i].head[1] == PREVIOUS(ord) && SHOWN(2, ord))
#define MAY_CONFIRM(ver) \
  (VOTES(i) && decided[ver] == NONE && seat[i].head[ver] != NONE && seat[i].confirmed[ver] == NONE && SHOWN(ver, seat[i].head[ver]))

inline settle(ver, ord) {
  assert(settled[ver] == NONE || settled[ver] == ord); /* one settlement for each version, over all epochs */
  assert(decided[ver] == NONE || decided[ver] == ord); /* and what was decided is not contradicted */
  settled[ver] = ord
}

/* What all votes there are would show to somebody who saw them all. */
inline judge() {
  d_step {
    assert(!(CERTIFICATE(1, 1) && CERTIFICATE(1, 2)));
    assert(!(CERTIFICATE(2, 1) && CERTIFICATE(2, 2)));
    assert(!((CERTIFICATE(2, 1) || CERTIFICATE(2, 2)) && CERTIFICATE(2, 3)));
    if :: SETTLEMENT(1, 1) -> settle(1, 1) :: else fi;
    if :: SETTLEMENT(1, 2) -> settle(1, 2) :: else fi;
    if :: SETTLEMENT(2, 1) -> settle(2, 1) :: else fi;
    if :: SETTLEMENT(2, 2) -> settle(2, 2) :: else fi;
    if :: SETTLEMENT(2, 3) -> settle(2, 3) :: else fi;
    /* R5: a CERT of the next version settles this one */
    if :: CERTIFICATE(2, 1) || CERTIFICATE(2, 2) -> settle(1, 1) :: else fi;
    if :: CERTIFICATE(2, 3) -> settle(1, 2) :: else fi;
#ifdef CERT_IS_FINAL
    if :: CERTIFICATE(1, 1) -> settle(1, 1) :: else fi;
    if :: CERTIFICATE(1, 2) -> settle(1, 2) :: else fi;
#endif
#ifdef REACH
    assert(!(REACH));
#endif
#ifdef SORTED
    c_code {
      struct Seat kept;
      #define BY_ORDER(a, b) if (memcmp(&now.seat[a], &now.seat[b], sizeof kept) > 0) { \
        kept = now.seat[a]; now.seat[a] = now.seat[b]; now.seat[b] = kept; }
      BY_ORDER(1, 2)
      if (!now.vacant) { BY_ORDER(2, 3) BY_ORDER(1, 2) }
    };
#endif
  }
}

/* Adds what a counted report lists to what will be applied. */
inline apply(ver, ord) {
  assert(applied[ver] == NONE || ord == NONE || applied[ver] == ord);
  if :: ord != NONE -> applied[ver] = ord :: else fi
}

/* E4: the reports that count are any with weight >= q in all, each with a CERT on the chain for every entry. */
inline choose() {
  weighed = 0; s = 1;
  do
  :: s <= 3 && seat[s].filed ->
#ifdef INCOMPLETE_COUNTS
    if :: apply(1, seat[s].report[1]) :: skip fi; /* an entry whose CERT nobody brought is passed over */
    if :: apply(2, seat[s].report[2]) :: skip fi;
#else
    apply(1, seat[s].report[1]);
    apply(2, seat[s].report[2]);
#endif
    weighed = weighed + WEIGHT(s);
    s++
  :: s <= 3 -> s++ /* too late, or never */
  :: s > 3 -> break
  od;
  if
  :: true -> /* the liar reports, too: whatever it can prove */
    weighed = weighed + 3;
    if
    :: skip
    :: CERTIFICATE(1, 1) && decided[1] == NONE -> apply(1, 1)
    :: CERTIFICATE(1, 2) && decided[1] == NONE -> apply(1, 2)
#ifdef REPORT_UNPROVEN
    :: decided[1] == NONE -> applied[1] = 2
#endif
    fi;
    if
    :: skip
    :: CERTIFICATE(2, 1) && decided[2] == NONE -> apply(2, 1)
    :: CERTIFICATE(2, 2) && decided[2] == NONE -> apply(2, 2)
    :: CERTIFICATE(2, 3) && decided[2] == NONE -> apply(2, 3)
    fi
  :: true -> skip
  fi;
  s = 0
}

/* E5: what was decided is what was covered and what the reports list; all else is forgotten. */
inline enter() {
  d_step {
#ifdef REACH
    if
    :: (CERTIFICATE(1, 1) || CERTIFICATE(1, 2)) && decided[1] == NONE && applied[1] == NONE -> rolledBack = true
    :: else
    fi;
#endif
    assert(applied[1] == NONE || SHOWN(1, applied[1])); /* nothing is decided that no quorum LOCKed */
    assert(applied[2] == NONE || SHOWN(2, applied[2]));
    if :: applied[1] != NONE -> assert(decided[1] == NONE || decided[1] == applied[1]); decided[1] = applied[1] :: else fi;
    if :: applied[2] != NONE -> assert(decided[2] == NONE || decided[2] == applied[2]); decided[2] = applied[2] :: else fi;
    assert(decided[2] == NONE || decided[1] == PREVIOUS(decided[2])); /* a chain: version 2 stands on its version 1 */
    assert(settled[1] == NONE || settled[1] == decided[1]);           /* SETTLED is never voided */
    assert(settled[2] == NONE || settled[2] == decided[2]);
#ifdef KEYS_KEPT
    v = 1;
    do
    :: v <= 2 ->
      o = 1;
      do
      :: o <= 3 ->
        forgeable[v * 4 + o] = forgeable[v * 4 + o] ||
          6 + (CONFIRMED(1, v, o) -> 2 : 0) + (CONFIRMED(2, v, o) -> 2 : 0) >= q;
        o++
      :: else -> break
      od;
      v++
    :: else -> break
    od;
    v = 0; o = 0;
#endif
#ifdef OLD_CERTIFICATE
    oldCertificate[1] = (CERTIFICATE(1, 1) -> 1 : (CERTIFICATE(1, 2) -> 2 : NONE));
#endif
    s = 1;
    do
    :: s <= 3 ->
      v = 1;
      do
      :: v <= 2 ->
#ifdef OLD_VOTES_COUNT
        seat[s].stale[v] = (s == 3 -> NONE : seat[s].lock[v]); /* seat 3 has another holder with another key */
#endif
        seat[s].lock[v] = NONE; seat[s].confirmed[v] = NONE; seat[s].report[v] = NONE;
#ifdef OWN_STATE_ENTERS
        seat[s].head[v] = (s == 3 -> NONE : seat[s].head[v]);
#else
        seat[s].head[v] = decided[v];
#endif
        v++
      :: else -> break
      od;
      seat[s].frozen = false; seat[s].filed = false;
      s++
    :: else -> break
    od;
    s = 0; v = 0; applied[1] = NONE; applied[2] = NONE; weighed = 0;
    settled[1] = decided[1]; settled[2] = decided[2]; /* decided by the chain binds as much */
    epoch++; closed = false; aborted = true; vacant = absent; absent = 0;
#ifdef READY_QUORUM
    q = 2 * (10 - (vacant == 0 -> 0 : WEIGHT(vacant))) / 3 + 1
#endif
  }
}

active proctype neighborhood() {
end:
  do
  :: epoch <= 2 -> atomic { /* a member does something */
      if :: i = 1 :: i = 2 :: i = 3 fi;
      if
      :: MAY_LOCK1(1) -> seat[i].lock[1] = 1
      :: MAY_LOCK1(2) -> seat[i].lock[1] = 2
      :: MAY_LOCK2(1) -> seat[i].lock[2] = 1
      :: MAY_LOCK2(2) -> seat[i].lock[2] = 2
      :: MAY_LOCK2(3) -> seat[i].lock[2] = 3
      :: MAY_ADOPT1(1) -> seat[i].head[1] = 1
      :: MAY_ADOPT1(2) -> seat[i].head[1] = 2
      :: MAY_ADOPT2(1) -> seat[i].head[2] = 1
      :: MAY_ADOPT2(2) -> seat[i].head[2] = 2
      :: MAY_ADOPT2(3) -> seat[i].head[2] = 3
      :: MAY_CONFIRM(1) -> seat[i].confirmed[1] = seat[i].head[1]
      :: MAY_CONFIRM(2) -> seat[i].confirmed[2] = seat[i].head[2]
      :: closed && i != vacant && !seat[i].frozen -> seat[i].frozen = true
      :: REPORTS(i) && !seat[i].filed -> d_step {
          seat[i].filed = true;
#ifdef SETTLED_UNREPORTED
          seat[i].report[1] = (decided[1] != NONE || settled[1] != NONE -> NONE : seat[i].head[1]);
          seat[i].report[2] = (decided[2] != NONE || settled[2] != NONE -> NONE : seat[i].head[2])
#else
          seat[i].report[1] = (decided[1] != NONE -> NONE : seat[i].head[1]);
          seat[i].report[2] = (decided[2] != NONE -> NONE : seat[i].head[2])
#endif
        }
#ifdef RESTART_FORGETS
      :: epoch == 2 && VOTES(i) && seat[i].lock[1] != NONE && seat[i].stale[1] == NONE -> d_step {
          seat[i].stale[1] = seat[i].lock[1]; seat[i].lock[1] = NONE
        }
#endif
      :: else
      fi;
      judge();
      i = 0
    }
  :: epoch <= 2 -> atomic { /* the chain goes on by a block */
      if
      :: COVERS(1, 1) -> decided[1] = 1
      :: COVERS(1, 2) -> decided[1] = 2
      :: COVERS(2, 1) -> decided[2] = 1
      :: COVERS(2, 2) -> decided[2] = 2
      :: COVERS(2, 3) -> decided[2] = 3
      :: !closed && !aborted -> d_step { /* too few were READY: the epoch goes on, until another PREPARE */
          aborted = true;
#ifdef LOCKS_LOST_ON_ABORT
          s = 1;
          do
          :: s <= 3 -> seat[s].stale[1] = seat[s].lock[1]; seat[s].lock[1] = NONE; s++
          :: else -> break
          od;
          s = 0
#endif
        }
      :: !closed -> closed = true; aborted = true /* no ABORT any more */
      :: else
      fi;
      judge()
    }
  :: closed && seat[1].filed + seat[2].filed + seat[3].filed >= QUORUM_WITHOUT_LIAR -> atomic {
      choose();
      if
      :: weighed >= q -> if :: epoch == 1 -> absent = 3 :: true fi; enter() /* who was not READY when it closed */
      :: else -> d_step { applied[1] = NONE; applied[2] = NONE; weighed = 0 }
      fi;
      judge()
    }
#ifdef KEYS_KEPT
  :: epoch == 2 && forgeable[5] -> d_step { settle(1, 1) } /* the one who left was bought afterwards, and has its key */
  :: epoch == 2 && forgeable[6] -> d_step { settle(1, 2) }
#endif
  od
}
