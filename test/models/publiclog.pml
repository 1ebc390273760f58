/*
 * The public log: four witnesses and sequencers that show whom they like what they like. What is NETWORK stays, over every
 * re-draw of the sequencers.
 *
 * Documents: research/consensus.md §3.5 (P3, P5, P6), src/PROTOCOL.md (public log), src/consensus/publiclog/.
 *
 * Modelled
 *   Logs of up to two leaves, each one of two: a log is a number that begins with 1 and has a binary digit for each leaf, so
 *   that 1 is the empty log, 2 and 3 the two of one leaf, 4 one of those of two; a log extends another whose digits it begins with.
 *   The sequencers of both generations lie: any checkpoint (log, mark) of any log is signed and can be shown to anyone. The mark
 *   says of how many leaves a checkpoint with cosignatures of the network was seen.
 *   Witness 0 lies: it cosigns everything and votes for everything. 1-3 are honest, interchangeable and kept sorted. Weights 3, 2,
 *   2, 3; network-cosigned is more than two thirds of them over one text (>= 7), each weight counted for itself.
 *   A witness cosigns what extends the log that it cosigned last and the newest that it knows network-cosigned, with a mark that it
 *   has seen proof of; its new state is durable before the cosignature is out, so that a crash between the two loses nothing but a
 *   cosignature. It learns late or never what the network has cosigned. Leaves are NETWORK where a network-cosigned
 *   checkpoint marks them: that makes two rounds, as CERTIFIED and SETTLED are.
 *   Re-draw: a witness votes for the newest network-cosigned log that it knows as the base of the next generation, and cosigns
 *   nothing of the old one any more. More than two thirds over one base decide; who hears of it goes on from there, as
 *   a log with another name: cosignatures of the generations are never counted together. A witness may hear late.
 *
 * Not modelled: which leaves are valid, who is drawn, proofs themselves (a consistency proof is sound), a third generation (redraw.pml).
 */

#ifndef QUORUM
#define QUORUM 7
#endif

#define LENGTH(log) (log >= 4 -> 2 : (log >= 2 -> 1 : 0))
#define FIRST(log, leaves) (log >> (LENGTH(log) - (leaves))) /* its first leaves */
#define EXTENDS(log, other) (LENGTH(log) >= LENGTH(other) && FIRST(log, LENGTH(other)) == other)
#define AGREE(log, other) (EXTENDS(log, other) || EXTENDS(other, log))
#define BIT(log, mark) (1 << (3 * (log) + (mark)))

typedef Witness {
  int cosigned[2];   /* by generation: its cosignatures that are out, a bit for each checkpoint */
  byte voted;        /* its votes that are out, a bit for each base */
  byte generation;
  byte head;         /* the log that it cosigned last */
  byte network;      /* the newest log that it knows network-cosigned */
  byte closed;       /* it voted to end its generation */
};

Witness witness[4];

/* What all signatures there are would show; nobody reads these. */
byte cosignedBy[2] = 1; /* by generation: the longest log that the network cosigned */
byte final = 1;         /* the longest log that is NETWORK */
byte base;              /* of the second generation, 0: not decided */

byte i, log, mark; /* of one step; 0 between steps */

#define HAS(x, gen, l, m) (witness[x].cosigned[gen] & BIT(l, m))
#define COSIGNED(gen, l, m) (3 + (HAS(1, gen, l, m) -> 2 : 0) + (HAS(2, gen, l, m) -> 2 : 0) + (HAS(3, gen, l, m) -> 3 : 0) >= QUORUM)
#define BY_NETWORK(gen, l) (COSIGNED(gen, l, 0) || COSIGNED(gen, l, 1) || COSIGNED(gen, l, 2))
#define VOTED(x, l) (witness[x].voted & (1 << (l)))
#ifndef DECISION
#define DECISION QUORUM
#endif
#define DECIDED(l) (3 + (VOTED(1, l) -> 2 : 0) + (VOTED(2, l) -> 2 : 0) + (VOTED(3, l) -> 3 : 0) >= DECISION)

#ifdef CONSISTENCY_UNCHECKED
#define FOLLOWS(x, l) (LENGTH(l) > LENGTH(witness[x].head) || l == witness[x].head)
#elif defined(SAME_SIZE_OTHER_ROOT)
#define FOLLOWS(x, l) (EXTENDS(l, witness[x].head) || LENGTH(l) == LENGTH(witness[x].head))
#elif defined(SMALLER_SIZE)
#define FOLLOWS(x, l) (EXTENDS(l, witness[x].head) || LENGTH(l) < LENGTH(witness[x].head))
#else
#define FOLLOWS(x, l) EXTENDS(l, witness[x].head)
#endif

#ifdef MARK_UNPROVEN
#define PROVEN(x, l, m) true
#else
#define PROVEN(x, l, m) (m <= LENGTH(witness[x].network) && EXTENDS(l, witness[x].network))
#endif

#ifdef COSIGN_AFTER_VOTE
#define IS_OPEN(x) true
#else
#define IS_OPEN(x) (witness[x].closed == 0)
#endif

#define MAY_COSIGN(x, l, m) (IS_OPEN(x) && FOLLOWS(x, l) && PROVEN(x, l, m) && !HAS(x, witness[x].generation, l, m))
#define MAY_LEARN(x, l) (LEARNS(x) && LENGTH(l) > LENGTH(witness[x].network) && BY_NETWORK(witness[x].generation, l))
#define MAY_JOIN(x, l) (l != witness[x].head && EXTENDS(l, witness[x].head) && IS_OPEN(x) && BY_NETWORK(witness[x].generation, l))
#define MAY_ADOPT(x, l) (witness[x].generation == 0 && DECIDED(l))

#ifdef BASE_IS_HEAD
#define BASE(x) witness[x].head
#elif defined(BASE_IS_EMPTY)
#define BASE(x) 1
#else
#define BASE(x) witness[x].network
#endif

#ifdef VOTES_REPEATED /* an honest witness votes again when it knows a newer base */
#define MAY_VOTE(x) (witness[x].generation == 0 && !VOTED(x, BASE(x)))
#else
#define MAY_VOTE(x) (witness[x].generation == 0 && witness[x].voted == 0)
#endif

#if defined(VOTES_REPEATED) || defined(COSIGN_AFTER_VOTE) || defined(VOTE_UNPERSISTED)
#define LEARNS(x) true
#else
#define FORGETFUL /* what has no consequence any more is forgotten: a witness that has voted knows nothing of its generation, */
#define LEARNS(x) IS_OPEN(x) /* and where all have, its cosignatures are of no use to anyone */
#endif

#ifdef TREES_WITHHELD
#define CONVICTS(l, other) (LENGTH(l) == LENGTH(other))
#else
#define CONVICTS(l, other) true /* whoever validated leaves of one shows the leaf in which they differ */
#endif

inline finalize(l) {
  assert(AGREE(l, final)); /* no two NETWORK certificates contradict each other, ever */
  if :: LENGTH(l) > LENGTH(final) -> final = l :: else fi
}

inline inspect(gen, l) {
  if
  :: BY_NETWORK(gen, l) ->
    assert(AGREE(l, cosignedBy[gen]));
    if :: LENGTH(l) > LENGTH(cosignedBy[gen]) -> cosignedBy[gen] = l :: else fi;
    if :: COSIGNED(gen, l, 1) -> finalize(FIRST(l, 1)) :: else fi;
    if :: COSIGNED(gen, l, 2) -> finalize(l) :: else fi;
#ifdef ONE_ROUND
    finalize(l);
#endif
  :: else
  fi
}

inline elect(l) {
  if :: DECIDED(l) -> assert(base == 0 || base == l); base = l :: else fi /* one base */
}

inline judge() {
  d_step {
    inspect(0, 2); inspect(0, 3); inspect(0, 4);
    inspect(1, 2); inspect(1, 3); inspect(1, 4);
    elect(1); elect(2); elect(3); elect(4);
    assert(base == 0 || AGREE(base, final)); /* and what is NETWORK is on its line */
    /* two honest witnesses that stand on lines which contradict each other: whoever hears of both convicts the sequencers */
    assert(witness[1].generation != witness[2].generation || AGREE(witness[1].head, witness[2].head) || CONVICTS(witness[1].head, witness[2].head));
#ifdef REACH
    assert(!(REACH));
#endif
  }
}

#define IS_GONE(x) (witness[x].generation == 1 || witness[x].closed == 1)

inline sort() {
  d_step {
#ifdef FORGETFUL
    if
    :: IS_GONE(1) && IS_GONE(2) && IS_GONE(3) ->
      witness[1].cosigned[0] = 0; witness[2].cosigned[0] = 0; witness[3].cosigned[0] = 0
    :: else
    fi;
#endif
    c_code {
      struct Witness kept;
      #define BY_ORDER(a, b) if (memcmp(&now.witness[a], &now.witness[b], sizeof kept) > 0) { \
        kept = now.witness[a]; now.witness[a] = now.witness[b]; now.witness[b] = kept; }
      BY_ORDER(1, 2) BY_ORDER(2, 3) BY_ORDER(1, 2)
    }
  }
}

active proctype everyone() {
  d_step {
    i = 1;
    do
    :: i <= 3 -> witness[i].head = 1; witness[i].network = 1; i++
    :: else -> break
    od;
    i = 0
  }
#define COSIGNS(x) \
  :: MAY_COSIGN(x, 2, 0) -> i = x; log = 2 \
  :: MAY_COSIGN(x, 2, 1) -> i = x; log = 2; mark = 1 \
  :: MAY_COSIGN(x, 3, 0) -> i = x; log = 3 \
  :: MAY_COSIGN(x, 3, 1) -> i = x; log = 3; mark = 1 \
  :: MAY_COSIGN(x, 4, 0) -> i = x; log = 4 \
  :: MAY_COSIGN(x, 4, 1) -> i = x; log = 4; mark = 1 \
  :: MAY_COSIGN(x, 4, 2) -> i = x; log = 4; mark = 2

#define HEARS(x, l) \
  :: MAY_LEARN(x, l) -> witness[x].network = l \
  :: MAY_JOIN(x, l) -> witness[x].head = l; /* was away, and skips what others have validated */ \
    if :: LENGTH(l) > LENGTH(witness[x].network) -> witness[x].network = l :: else fi

#define ADOPTS(x, l) \
  :: MAY_ADOPT(x, l) -> \
    witness[x].generation = 1; witness[x].closed = 0; witness[x].head = l; witness[x].network = l

end:
  do
  :: atomic { /* a cosignature */
      if COSIGNS(1) COSIGNS(2) COSIGNS(3) fi;
      d_step {
#ifndef COSIGN_UNPERSISTED
        witness[i].head = log;
#endif
        witness[i].cosigned[witness[i].generation] = witness[i].cosigned[witness[i].generation] | BIT(log, mark);
        i = 0; log = 0; mark = 0
      }
      judge();
      sort()
    }
  :: atomic { /* a vote to draw anew */
      if :: MAY_VOTE(1) -> i = 1 :: MAY_VOTE(2) -> i = 2 :: MAY_VOTE(3) -> i = 3 fi;
      d_step {
        witness[i].voted = witness[i].voted | (1 << BASE(i));
#ifndef VOTE_UNPERSISTED
        witness[i].closed = 1;
#endif
#ifdef FORGETFUL
        witness[i].head = 1; witness[i].network = 1;
#endif
        i = 0
      }
      judge();
      sort()
    }
  :: atomic { /* news */
      if
      HEARS(1, 2) HEARS(1, 3) HEARS(1, 4) HEARS(2, 2) HEARS(2, 3) HEARS(2, 4) HEARS(3, 2) HEARS(3, 3) HEARS(3, 4)
      ADOPTS(1, 1) ADOPTS(1, 2) ADOPTS(1, 3) ADOPTS(1, 4) ADOPTS(2, 1) ADOPTS(2, 2) ADOPTS(2, 3) ADOPTS(2, 4)
      ADOPTS(3, 1) ADOPTS(3, 2) ADOPTS(3, 3) ADOPTS(3, 4)
      fi;
      sort()
    }
  od
}
