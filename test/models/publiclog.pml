/*
 * The public log: four witnesses and sequencers that show whom they like what they like. What is NETWORK stays, over every
 * re-draw of the sequencers.
 *
 * Documents: research/consensus.md §3.5 (P3, P5, P6), src/PROTOCOL.md (public log), src/consensus/publiclog/.
 *
 * Modelled
 *   Logs of up to two leaves, each one of two: a log is a number that begins with 1 and has a binary digit for each leaf, so
 *   that 1 is the empty log, 2 and 3 the two of one leaf, 4 to 6 three of those of two; a log extends another whose digits it begins with.
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
 * Not modelled: which leaves are valid, who is drawn, proofs themselves (a consistency proof is sound), a third generation.
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

byte i, log, mark, g; /* of one step; 0 between steps */

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
#define PROVEN(x) true
#else
#define PROVEN(x) (mark <= LENGTH(witness[x].network) && EXTENDS(log, witness[x].network))
#endif

#ifdef COSIGN_AFTER_VOTE
#define IS_OPEN(x) true
#else
#define IS_OPEN(x) (witness[x].closed == 0)
#endif

#define MAY_COSIGN (log != 1 && mark <= LENGTH(log) && IS_OPEN(i) && FOLLOWS(i, log) && PROVEN(i) && !HAS(i, witness[i].generation, log, mark))

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

#ifdef TREES_WITHHELD
#define CONVICTS(l, other) (LENGTH(l) == LENGTH(other))
#else
#define CONVICTS(l, other) true /* whoever validated leaves of one shows the leaf in which they differ */
#endif

inline finalize(l) {
  assert(AGREE(l, final)); /* no two NETWORK certificates contradict each other, ever */
  if :: LENGTH(l) > LENGTH(final) -> final = l :: else fi
}

inline judge() {
  d_step {
    g = 0;
    do
    :: g <= 1 ->
      log = 2;
      do
      :: log <= 6 ->
        if
        :: BY_NETWORK(g, log) ->
          assert(AGREE(log, cosignedBy[g]));
          if :: LENGTH(log) > LENGTH(cosignedBy[g]) -> cosignedBy[g] = log :: else fi;
          if :: COSIGNED(g, log, 1) -> finalize(FIRST(log, 1)) :: else fi;
          if :: COSIGNED(g, log, 2) -> finalize(log) :: else fi;
#ifdef ONE_ROUND
          finalize(log);
#endif
        :: else
        fi;
        log++
      :: else -> break
      od;
      g++
    :: else -> break
    od;
    g = 0; log = 1;
    do
    :: log <= 6 ->
      if :: DECIDED(log) -> assert(base == 0 || base == log); base = log :: else fi; /* one base */
      log++
    :: else -> break
    od;
    assert(base == 0 || EXTENDS(base, final) || EXTENDS(final, base)); /* and what is NETWORK is on its line */
    /* two honest witnesses that stand on lines which contradict each other: whoever hears of both convicts the sequencers */
    assert(witness[1].generation != witness[2].generation || AGREE(witness[1].head, witness[2].head) || CONVICTS(witness[1].head, witness[2].head));
#ifdef REACH
    assert(!(REACH));
#endif
  }
}

inline sort() {
  d_step {
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
end:
  do
  :: atomic {
      if :: i = 1 :: i = 2 :: i = 3 fi;
      if :: log = 1 :: log = 2 :: log = 3 :: log = 4 :: log = 5 :: log = 6 fi;
      if
      :: mark = 0; goto cosign
      :: mark = 1; goto cosign
      :: mark = 2; goto cosign
      :: BY_NETWORK(witness[i].generation, log) && LENGTH(log) > LENGTH(witness[i].network) -> /* it learns of that */
        witness[i].network = log; goto moved
      :: BY_NETWORK(witness[i].generation, log) && IS_OPEN(i) && EXTENDS(log, witness[i].head) && log != witness[i].head -> d_step {
          witness[i].head = log; /* was away, and skips what others have validated */
          if :: LENGTH(log) > LENGTH(witness[i].network) -> witness[i].network = log :: else fi
        };
        goto moved
      :: log == 1 && MAY_VOTE(i) -> d_step {
          witness[i].voted = witness[i].voted | (1 << BASE(i));
#ifndef VOTE_UNPERSISTED
          witness[i].closed = 1
#endif
        }
      :: witness[i].generation == 0 && DECIDED(log) -> d_step {
          witness[i].generation = 1; witness[i].closed = 0;
          witness[i].head = log; witness[i].network = log
        };
        goto moved
      :: else -> goto idle
      fi;
      goto done;
cosign:
      if
      :: MAY_COSIGN -> d_step {
#ifndef COSIGN_UNPERSISTED
          witness[i].head = log;
#endif
          witness[i].cosigned[witness[i].generation] = witness[i].cosigned[witness[i].generation] | BIT(log, mark)
        }
      :: else -> goto idle
      fi;
done:
      skip;
      judge();
moved:
      skip;
      sort();
idle:
      skip;
      d_step { i = 0; log = 0; mark = 0 }
    }
  od
}
