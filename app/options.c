/* app/options.c - the tables of verbs and options: the only place that lists what people may type. */
#include "app/args.h"

#define AT(field) offsetof(ps_args, field)
#define DETECT (PS_VERB_PREDICT | PS_VERB_VAL)
#define OPENS (PS_VERB_ANY & ~(unsigned)(PS_VERB_DOCTOR | PS_VERB_SCENE | PS_VERB_DEMO))
#define QUANTIZES (PS_VERB_QUANTIZE | PS_VERB_CONVERT)
#define RUNS (PS_VERB_PREDICT | PS_VERB_RUN | PS_VERB_BENCH | PS_VERB_VAL)

// clang-format off
const ps_arg ps_arg_table[] = {
    {"model", 0, PS_ARG_WORD, OPENS, AT(model), 0, 0, "FILE", "the model, as an option", NULL},
    {"source", 0, PS_ARG_WORD, PS_VERB_PREDICT, AT(source), 0, 0, "WHAT", "the image, directory or pattern, as an option", NULL},
    {"data", 0, PS_ARG_WORD, PS_VERB_VAL, AT(source), 0, 0, "WHAT", "the dataset, as an option", NULL},

    {"conf", 0, PS_ARG_FLOAT, DETECT, AT(conf), 0, 1, "X", "least score of an object (default: recorded in the model, else 0.25; val: 0.001)", NULL},
    {"iou", 0, PS_ARG_FLOAT, DETECT, AT(iou), 0, 1, "X", "overlap at which NMS drops a box (default: recorded in the model, else 0.7; val: 0.65)", NULL},
    {"fast_decode", 0, PS_ARG_FLAG, DETECT, AT(fast_decode), 0, 0, NULL, "read a JPEG at 1/2, 1/4 or 1/8 of its size where the network still sees no more pixels; never with --save or --save-crop (default: yes; val: no; --no-fast-decode)", NULL},
    {"rect", 0, PS_ARG_FLAG, DETECT, AT(rect), 0, 0, NULL, "run a square network in rectangles of multiples of 32 pixels, without most of the border, where its file allows it (default: yes; val: no; --no-rect)", NULL},
    {"max_det", 0, PS_ARG_INT, DETECT, AT(max_det), 1, 100000, "N", "most objects in an image (default: 300, or 5 classes; val: 100)", NULL},
    {"classes", 0, PS_ARG_TEXT, PS_VERB_PREDICT, AT(classes), 0, 0, "LIST", "only these classes, by number or name: 0,2 or person,car", NULL},
    {"classes", 0, PS_ARG_TEXT, PS_VERB_VAL, AT(classes), 0, 0, "LIST", "judge these classes alone, by number or name; labels of others may be of classes that the network does not have", NULL},
    {"box", 0, PS_ARG_TEXTS, PS_VERB_PREDICT, AT(boxes), 0, 0, "X1,Y1,X2,Y2", "where a person is, in pixels, for networks that see one person (again or a longer list: more people; default: the whole image shows one)", NULL},
    {"agnostic_nms", 0, PS_ARG_FLAG, DETECT, AT(agnostic_nms), 0, 0, NULL, "NMS across classes", NULL},
    {"lazy", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(lazy), 0, 0, NULL, "compute boxes only where a class passes the threshold: the same results, sooner (default: yes; --no-lazy)", NULL},
    {"task", 0, PS_ARG_CHOICE, DETECT | QUANTIZES, AT(task), 0, 0, "detect|pose|classify", "what the network does (default: recorded in the model, else by the shape of its outputs)", NULL},
    {"decoder", 0, PS_ARG_TEXT, DETECT | QUANTIZES, AT(decoder), 0, 0, "NAME", "how its outputs are read (default: recorded in the model, else by their shape)", NULL},
    {"format", 0, PS_ARG_CHOICE, PS_VERB_PREDICT, AT(format), 0, 0, "jsonl|coco|yolo|csv|ultralytics", "what is printed (default: jsonl)", NULL},
    {"save", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(save), 0, 0, NULL, "write pictures with the objects drawn in", NULL},
    {"save_txt", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(save_txt), 0, 0, NULL, "write labels/<image>.txt: class, centre and size from 0 to 1", NULL},
    {"save_conf", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(save_conf), 0, 0, NULL, "with --save-txt: the score at the end of each line", NULL},
    {"save_crop", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(save_crop), 0, 0, NULL, "write crops/<class>/<image>.jpg for every object", NULL},
    {"project", 0, PS_ARG_TEXT, PS_VERB_PREDICT, AT(project), 0, 0, "DIR", "where saved files go (default: runs/<task>)", NULL},
    {"name", 0, PS_ARG_TEXT, PS_VERB_PREDICT, AT(name), 0, 0, "NAME", "directory in the project, numbered if it exists (default: predict)", NULL},
    {"exist_ok", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(exist_ok), 0, 0, NULL, "use that directory even if it exists", NULL},
    {"show_boxes", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(show_boxes), 0, 0, NULL, "draw boxes (default: yes; --no-show-boxes)", NULL},
    {"show_labels", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(show_labels), 0, 0, NULL, "draw class names (default: yes; --no-show-labels)", NULL},
    {"show_conf", 0, PS_ARG_FLAG, PS_VERB_PREDICT, AT(show_conf), 0, 0, NULL, "draw scores (default: yes; --no-show-conf)", NULL},
    {"line_width", 0, PS_ARG_INT, PS_VERB_PREDICT, AT(line_width), 1, 100, "N", "pixels of a line (default: by the size of the picture)", NULL},
    {"device", 0, PS_ARG_CHOICE, RUNS, AT(device), 0, 0, "cpu", "accepted for scripts that say device=cpu", NULL},
    {"half", 0, PS_ARG_CHOICE, RUNS, AT(device), 0, 0, "False|false|0", "accepted for scripts that say half=False", NULL},
    {"show", 0, PS_ARG_CHOICE, PS_VERB_PREDICT, AT(device), 0, 0, "False|false|0", "accepted for scripts that say show=False", NULL},

    {"input", 'i', PS_ARG_TEXTS, PS_VERB_RUN, AT(inputs), 0, 0, "NAME=FILE.npy", "an input; a network with one input needs no NAME=", NULL},
    {"output", 'o', PS_ARG_TEXT, PS_VERB_RUN, AT(output), 0, 0, "DIR", "where the outputs go (default: the current directory)", NULL},

    {"int8", 0, PS_ARG_FLAG, PS_VERB_CONVERT, AT(int8), 0, 0, NULL, "quantise, as the verb quantize does; the options below are for that", NULL},
    {"calib", 0, PS_ARG_TEXT, QUANTIZES, AT(calib), 0, 0, "DIR|VIDEO", "pictures like those the network will see: a directory, a pattern, or a video (frames are read by ffmpeg)", NULL},
    {"samples", 0, PS_ARG_INT, QUANTIZES, AT(samples), 1, 100000, "N", "most pictures to calibrate with, spread over all (default: 200)", NULL},
    {"ranges", 0, PS_ARG_CHOICE, QUANTIZES, AT(ranges), 0, 0, "mse|percentile|minmax", "what 8 bits stand for: the range with the least squared error, that of 99.99 % of all numbers, or of all (default: mse)", NULL},
    {"weights", 0, PS_ARG_CHOICE, PS_VERB_CONVERT, AT(weights), 0, 0, "int8|fp16", "store the weights of convolutions and products so, for a small file; computes in floats", "POISE_CONVERT_WEIGHTS"},
    {"weights", 0, PS_ARG_CHOICE, PS_VERB_QUANTIZE, AT(weights), 0, 0, "narrow|full", "narrow: sums of two products fit 16 bits, so that processors without VNNI are fast and exact; full: all 8 bits, for those with it (default: narrow)", NULL},
    {"target", 0, PS_ARG_TEXT, QUANTIZES, AT(target), 0, 0, "NAME,NAME...", "also hold weights packed for these processors, which then start without packing: cortex-a53, armv7-a, x86-64-v3, host, ... (an unknown name lists all; doctor tells a machine's)", NULL},
    {"only_target", 0, PS_ARG_FLAG, QUANTIZES, AT(only_target), 0, 0, NULL, "hold them for these alone, for a small file that runs nowhere else", NULL},
    {"float_budget", 0, PS_ARG_FLOAT, QUANTIZES, AT(float_budget), 0, 100, "PERCENT", "multiply-accumulates that may stay float where 8 bits do harm; 0: none, and nothing is tried (default: 5)", NULL},
    {"keep_float", 0, PS_ARG_TEXTS, QUANTIZES, AT(keep_float), 0, 0, "NODE|PATTERN", "leave these convolutions and products float, by name, with * and ? (again: more)", NULL},
    {"force", 0, PS_ARG_FLAG, QUANTIZES, AT(force), 0, 0, NULL, "write the network even if it agrees poorly with the float one", NULL},
    {"output", 'o', PS_ARG_CHOICE, PS_VERB_QUANTIZE, AT(format), 0, 0, "text|json", "how the report is printed (default: text)", "POISE_QUANTIZE_OUTPUT"},

    {"precision", 0, PS_ARG_CHOICE, OPENS & ~(unsigned)PS_VERB_QUANTIZE, AT(precision), 0, 0, "exact|near|fast|int8", "exact: fp32; near: its sums from split bf16; fast: bf16 (or fp16, on ARM) where the processor has it; int8: products of bytes, which only quantised files have (default: recorded in the model, else exact; convert records it)", NULL},

    {"json", 0, PS_ARG_FLAG, PS_VERB_INFO, AT(json), 0, 0, NULL, "print JSON", NULL},
    {"svg", 0, PS_ARG_TEXT, PS_VERB_INFO, AT(svg), 0, 0, "FILE", "also draw the memory plan: node by node, what lies where in the arena", NULL},

    {"threads", 't', PS_ARG_INTS, PS_VERB_BENCH, AT(sweep), 1, 64, "N,N...|auto", "numbers of threads to measure; auto: tries all, takes the best (default: 1)", NULL},
    {"runs", 'r', PS_ARG_INT, PS_VERB_BENCH, AT(runs), 1, 1000000, "N", "runs to measure, after 3 to warm up (default: 30)", NULL},
    {"layers", 0, PS_ARG_FLAG, PS_VERB_BENCH, AT(layers), 0, 0, NULL, "every node: time, flops, bytes, share of what the machine could do", NULL},
    {"soak", 0, PS_ARG_INT, PS_VERB_BENCH, AT(soak), 1, 86400, "SECONDS", "afterwards run without a pause for so long, and set the first minute against the last: times, temperature, clocks, throttling", NULL},
    {"report", 0, PS_ARG_TEXT, PS_VERB_BENCH, AT(report), 0, 0, "FILE", "also write all of it as JSON, with what this machine is and every layer's time, to send to somebody: no names of hosts, users, files or layers are in it", NULL},
    {"tune", 0, PS_ARG_FLAG, PS_VERB_BENCH, AT(tune), 0, 0, NULL, "time every way of computing every node and write the fastest into the file of --tuning (default: the cache, where models are tuned from when they are opened)", NULL},
    {"output", 'o', PS_ARG_CHOICE, PS_VERB_BENCH, AT(format), 0, 0, "md|json|csv", "how results are printed (default: md)", "POISE_BENCH_OUTPUT"},
    {"output", 'o', PS_ARG_CHOICE, PS_VERB_VAL, AT(format), 0, 0, "text|json", "how results are printed (default: text)", "POISE_VAL_OUTPUT"},

    {"seed", 0, PS_ARG_INT, PS_VERB_SCENE | PS_VERB_DEMO, AT(seed), 0, 2147483647, "N", "which scene: the same picture on every machine (default: 1; demo: 225)", NULL},
    {"people", 0, PS_ARG_INT, PS_VERB_SCENE, AT(people), 0, 32, "N", "how many people (default: 1 to 6, as the seed says)", NULL},
    {"vehicles", 0, PS_ARG_INT, PS_VERB_SCENE, AT(vehicles), 0, 16, "N", "how many vehicles, on a road behind the people (default: 0)", NULL},
    {"frames", 0, PS_ARG_INT, PS_VERB_SCENE, AT(frames), 1, 1000000, "N", "pictures of a film or a directory (default: 100; a single picture is the middle one of so many)", NULL},
    {"fps", 0, PS_ARG_FLOAT, PS_VERB_SCENE, AT(fps), 0.1, 1000, "X", "pictures a second (default: 25)", NULL},
    {"size", 0, PS_ARG_SIZE, PS_VERB_SCENE, AT(size), 32, 4096, "N|HxW", "height and width in pixels (default: 480x640)", NULL},
    {"stills", 0, PS_ARG_FLAG, PS_VERB_SCENE, AT(stills), 0, 0, NULL, "a directory of different scenes: of this seed, the next, and so on", NULL},
    {"truth", 0, PS_ARG_TEXT, PS_VERB_SCENE, AT(truth), 0, 0, "FILE.json", "also write boxes, keypoints, tracks, speeds and the camera, as COCO annotations with more", NULL},

    {"imgsz", 0, PS_ARG_SIZE, OPENS, AT(imgsz), 1, 16384, "N|HxW", "image size: for networks with a free one, and for those whose file fixes one where all that it fixes can follow", NULL},
    {"shape", 0, PS_ARG_TEXTS, OPENS, AT(shapes), 0, 0, "NAME=DxDxD", "shape of an input with free dimensions", NULL},
    {"threads", 't', PS_ARG_INT, PS_VERB_ANY & ~(unsigned)(PS_VERB_BENCH | PS_VERB_SCENE), AT(threads), 1, 64, "N|auto", "threads; auto: tries all numbers, takes the best (default: all cores, or the big ones where they differ); POISE_THREADING=openmp takes OpenMP's instead of our pool", NULL},
    {"cpu_mask", 0, PS_ARG_CPUS, OPENS, AT(cpu_mask), 0, 0, "LIST|0xMASK", "CPUs to stay on, such as 4-7 or 0xf0; as many threads, unless --threads says otherwise (default: the big cores where they differ, else all)", NULL},
    {"isa", 0, PS_ARG_TEXT, PS_VERB_ANY & ~(unsigned)PS_VERB_SCENE, AT(isa), 0, 0, "NAME", "use no kernels above this instruction set (default: the best)", NULL},
    {"tuning", 0, PS_ARG_TEXT, OPENS & ~(unsigned)QUANTIZES, AT(tuning), 0, 0, "FILE", "how to compute each node, as bench --tune found out; none: by rule (default: MODEL's name with .tune, or the cache in $POISE_CACHE, $XDG_CACHE_HOME/poise or ~/.cache/poise, where it fits this machine)", NULL},
    {"max_mem", 0, PS_ARG_BYTES, OPENS & ~(unsigned)PS_VERB_QUANTIZE, AT(max_mem), 1, 1e15, "SIZE", "refuse to start if the process would take more memory, and give no more to pictures: 64M, 1.5G (info: what it takes)", NULL},
    {"allow_downscale", 0, PS_ARG_FLAG, RUNS | PS_VERB_INFO, AT(allow_downscale), 0, 0, NULL, "rather than refuse: fewer threads, then --frugal, then a smaller image size, and say so (.poise files)", NULL},
    {"frugal", 0, PS_ARG_FLAG, RUNS | PS_VERB_INFO, AT(frugal), 0, 0, NULL, "compute every node in the way that takes the least memory, mostly slower", NULL},
    {"quiet", 'q', PS_ARG_FLAG, PS_VERB_ANY, AT(quiet), 0, 0, NULL, "results and errors only", NULL},
    {"verbose", 'v', PS_ARG_FLAG, PS_VERB_ANY, AT(verbose), 0, 0, NULL, "say what every stage saw", NULL},
    {"help", 'h', PS_ARG_FLAG, PS_VERB_ANY, AT(help), 0, 0, NULL, "this page", NULL},
    {0}};

const ps_verb ps_verb_table[] = {
    {"predict", PS_VERB_PREDICT, 2, -1, "[MODEL] SOURCE...", "boxes, keypoints or classes in images",
     "SOURCE is an image file, a directory, or a pattern like 'photos/*.jpg'. MODEL is a network, or the word default for the one "
     "in the command, which finds people and their 17 joints; that is also meant when SOURCE comes first. Prints one JSON object for each "
     "image, one a line. An image that cannot be read is reported and skipped; the exit status is then 1. "
     "Files of images that share a name are saved as name.jpg, name-2.jpg and so on. A network that sees one person "
     "(heatmaps of joints) takes the whole image for that person, or with --box each box and its surroundings."},
    {"run", PS_VERB_RUN, 1, -1, "MODEL [NAME=]FILE.npy...", "raw tensors in, raw tensors out",
     "Writes DIR/<output>.npy for every output ('/' in names becomes '_'), in the network's own layout and type. All "
     "files appear or none."},
    {"convert", PS_VERB_CONVERT, 2, 2, "IN OUT.poise", "a trained network into one optimised file",
     "Reads ONNX and TFLite; with --target also a .poise file. Every node that Poise cannot run is listed, and nothing is written "
     "then."},
    {"quantize", PS_VERB_QUANTIZE, 2, 2, "IN OUT.poise", "a network in 8 bits, with a report of what that costs",
     "Calibrates on the pictures of --calib, shown as the network will see them, and compares the result with the float "
     "network on them. Prints every layer's signal to noise, those that do most harm, and how many objects, classes or "
     "keypoints agree. Nothing is written, and the exit status is 1, when less than 80 % do or the cosine between outputs is "
     "below 0.9, unless --force is given."},
    {"info", PS_VERB_INFO, 1, 1, "MODEL", "what a model is and what it needs",
     "Inputs, outputs, metadata, operators, every node after optimisation, multiply-accumulates and the exact memory plan."},
    {"bench", PS_VERB_BENCH, 1, -1, "MODEL...", "how fast models run here",
     "Measures inference alone, after three runs to warm up. peak_rss_mb is the most memory that this process has held "
     "so far: with several numbers of threads, later rows include what the earlier ones took. --layers sets every node "
     "against the peaks of this machine, which it measures: arithmetic of the instruction set in use, and reading from "
     "each level of memory."},
    {"val", PS_VERB_VAL, 2, -1, "MODEL... DATASET", "accuracy on labelled images",
     "DATASET is a directory with images/ and labels/ (YOLO text files), a COCO annotation file beside its images, "
     "a directory of images named or grouped by class number, or an .npz file of images X and classes Y. Several networks, "
     "such as a float one and its INT8, are set side by side, the first in exact and fast (unless --precision), with how far "
     "the others agree with it, time and memory. Boxes: COCO mAP; keypoints: OKS AP, and PCK: the share of the "
     "joints within 0.2 torsos (left shoulder to right hip) of where they are, those of people who were not found being wrong; "
     "classes: top-1 and top-5. A network that sees one person is shown the labelled ones, each in its box."},
    {"doctor", PS_VERB_DOCTOR, 0, 0, "", "what this machine has, and which kernels will run",
     "Also tests the kernels in use against the plain C ones on random data."},
    {"demo", PS_VERB_DEMO, 0, 1, "[OUT]", "draws people, finds them, saves the picture: all from this file alone",
     "OUT is the picture with boxes and skeletons (default: poise-demo.jpg, or .png or .bmp where this poise writes no JPEG). "
     "Prints what was found, the time of every stage, memory as planned and as taken, the kernels in use, and what to type "
     "next."},
    {"scene", PS_VERB_SCENE, 1, 1, "OUT", "a drawn picture or film of people and vehicles, and the truth about it",
     "OUT is a picture (.png, .jpg, .bmp, .ppm), a film (.y4m), or a directory, which gets 000001.png and so on. People of many "
     "builds stand, walk, run and jump; cars drive at known speeds; a known camera sees them. The same seed gives the same "
     "pixels on every machine. With --truth `poise val` can use the directory as a dataset."},
    {0}};
// clang-format on
