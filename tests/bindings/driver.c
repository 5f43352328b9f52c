/* driver.c - reads questions, has them answered on each rank, prints the answers.
 *
 *   verb ranks          the numbers of each rank follow, a line each, and perhaps
 *   1 2 3 |a text       a text
 *
 * An answer is a line for each rank, or for each step of a life:
 *   ok 4 5 6            or  no code rank other_rank axis rule field */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life.h"
#include "ranks.h"

struct verb {
  const char *name;
  int32_t (*answer)(question *q);
};

static const struct verb verbs[] = {
    {"dim", answer_dim},   {"check", answer_check}, {"agree", answer_agree}, {"halo", answer_halo},
    {"move", answer_move}, {"file", answer_file},   {"text", answer_text},
};

struct line {
  int64_t *numbers;
  char *text;
};

static void fail(const char *why) {
  fprintf(stderr, "the questions cannot be read: %s\n", why);
  exit(2);
}

/* A whole line, without its end; NULL at the end of the file. */
static char *read_line(FILE *file) {
  size_t length = 0, capacity = 1 << 12;
  char *line = malloc(capacity);
  int c;
  while (line != NULL && (c = getc(file)) != EOF && c != '\n') {
    line[length++] = (char)c;
    if (length == capacity) line = realloc(line, capacity *= 2);
  }
  if (line == NULL) fail("out of memory");
  line[length] = '\0';
  if (length > 0 || !feof(file)) return line;
  free(line);
  return NULL;
}

static struct line parse(char *text) {
  struct line line = {NULL, strchr(text, '|')};
  char *next = text, *end;
  size_t n = 0;
  if (line.text != NULL) *line.text++ = '\0';
  line.numbers = malloc((strlen(text) / 2 + 1) * sizeof *line.numbers);
  if (line.numbers == NULL) fail("out of memory");
  for (;; next = end) {
    int64_t number = strtoll(next, &end, 10);
    if (end == next) break;
    line.numbers[n++] = number;
  }
  return line;
}

struct round {
  const struct verb *verb;
  struct line *lines;
  question *questions;
  int32_t *statuses;
};

static void one_rank(const distarray_comm *comm, void *data) {
  struct round *round = data;
  question *q = &round->questions[comm->rank];
  distarray_comm sides[2];
  int is_move = strcmp(round->verb->name, "move") == 0, side;
  q->comm = comm;
  q->ask = round->lines[comm->rank].numbers;
  q->text = round->lines[comm->rank].text;
  q->said = malloc(MAX_SAID * sizeof *q->said);
  if (q->said == NULL) fail("out of memory");
  /* The ranks of a side are named in its own order; -1 is none of them. */
  for (side = 0; is_move && side < 2; ++side) {
    int32_t key = (int32_t)*q->ask++;
    if (comm->split(comm->context, key < 0 ? -1 : 0, key, &sides[side]) != 0) abort();
    q->sides[side] = key < 0 ? NULL : &sides[side];
  }
  round->statuses[comm->rank] = round->verb->answer(q);
  for (side = 0; is_move && side < 2; ++side)
    if (q->sides[side] != NULL) sides[side].free(sides[side].context);
}

static void answer(const struct verb *verb, int64_t ranks, struct line *lines) {
  struct round round;
  int64_t rank, i;
  round.verb = verb;
  round.lines = lines;
  round.questions = calloc((size_t)ranks, sizeof *round.questions);
  round.statuses = calloc((size_t)ranks, sizeof *round.statuses);
  if (round.questions == NULL || round.statuses == NULL) fail("out of memory");
  ranks_run(ranks, one_rank, &round);
  for (rank = 0; rank < ranks; ++rank) {
    question *q = &round.questions[rank];
    print_status(round.statuses[rank], &q->error);
    for (i = 0; round.statuses[rank] == DISTARRAY_OK && i < q->n_said; ++i)
      printf(" %lld", (long long)q->said[i]);
    printf("\n");
    free(q->said);
  }
  free(round.questions);
  free(round.statuses);
}

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
  char *head;
  if (file == NULL) fail("name their file");
  while ((head = read_line(file)) != NULL) {
    char name[16];
    int ranks, i, which = 0;
    char **texts;
    struct line *lines;
    if (sscanf(head, "%15s %d", name, &ranks) != 2 || ranks < 1) fail(head);
    texts = calloc((size_t)ranks, sizeof *texts);
    lines = calloc((size_t)ranks, sizeof *lines);
    for (i = 0; i < ranks; ++i) {
      texts[i] = read_line(file);
      if (texts[i] == NULL) fail("it ends too early");
      lines[i] = parse(texts[i]);
    }
    if (strcmp(name, "life") == 0) {
      live(lines[0].numbers);
    } else {
      while (strcmp(verbs[which].name, name) != 0)
        if (++which == (int)(sizeof verbs / sizeof *verbs)) fail(name);
      answer(&verbs[which], ranks, lines);
    }
    for (i = 0; i < ranks; ++i) {
      free(lines[i].numbers);
      free(texts[i]);
    }
    free(texts);
    free(lines);
    free(head);
    fflush(stdout); /* what was answered is seen even if the next question ends it all */
  }
  fclose(file);
  return 0;
}
