package panoptes.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.PrimitivesArrays;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The gauges stage as its users would write it in Java: Avro's generic records, an in-memory store with a changelog, one
 * record out per row. The tricks that cost nothing are used: state is the record as it came, and the last decoded record
 * of a series is kept beside the store.
 *
 * <p>Arguments: bootstrap servers, application id, input topic, output topic, schema id of gauges, folder of the schemas.
 */
public final class Gauges {
  private static final String STORE = "series";
  private static final int HEADER = 5;

  private Gauges() {}

  public static void main(String[] arguments) throws IOException {
    Path schemas = Path.of(arguments[5]);
    Schema raw = new Schema.Parser().parse(Files.readString(schemas.resolve("raw_counters.avsc")));
    Schema gauge = new Schema.Parser().parse(Files.readString(schemas.resolve("gauge.avsc")));
    int gaugeId = Integer.parseInt(arguments[4]);

    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(STORE), Serdes.String(), Serdes.ByteArray())
            .withLoggingEnabled(Map.of()));
    builder.stream(arguments[2], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .process(() -> new Convert(raw, gauge, gaugeId), STORE)
        .to(arguments[3], Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));

    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("gauges-streams").toString());
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    settings.put(StreamsConfig.producerPrefix("compression.type"), System.getProperty("compression", "zstd"));
    settings.put(StreamsConfig.producerPrefix("batch.size"), 1 << 20);
    settings.put(StreamsConfig.producerPrefix("max.request.size"), 16 << 20);
    settings.put(StreamsConfig.producerPrefix("buffer.memory"), 128L << 20);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  /** Turns the counters of a poll into rates. */
  private static final class Convert implements Processor<byte[], byte[], byte[], byte[]> {
    private final GenericDatumReader<GenericRecord> reader;
    private final GenericDatumWriter<GenericRecord> writer;
    private final Schema gaugeSchema;
    private final byte[] header;
    private final Map<String, Poll> decoded = new HashMap<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
    private BinaryDecoder decoder;
    private BinaryEncoder encoder;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<String, byte[]> store;

    Convert(Schema raw, Schema gauge, int gaugeId) {
      reader = new GenericDatumReader<>(raw, raw, new WholeDoubles());
      writer = new GenericDatumWriter<>(gauge);
      gaugeSchema = gauge;
      header = ByteBuffer.allocate(HEADER).put((byte) 0).putInt(gaugeId).array();
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
      context = given;
      store = given.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      try {
        Poll now = decode(record.value());
        Poll before = decoded.get(now.series);
        if (before == null) {
          byte[] stored = store.get(now.series);
          before = stored == null ? null : decode(stored);
        }
        if (before != null && now.slot <= before.slot) {
          return;
        }
        emit(record, before, now);
        store.put(now.series, record.value());
        decoded.put(now.series, now);
      } catch (IOException problem) {
        throw new UncheckedIOException(problem);
      }
    }

    private Poll decode(byte[] value) throws IOException {
      decoder = DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, decoder);
      return new Poll(reader.read(null, decoder));
    }

    private void emit(Record<byte[], byte[]> record, Poll before, Poll now) throws IOException {
      boolean comparable = before != null && before.index.equals(now.index) && !rebooted(before, now);
      long passedMs = before == null ? 0 : now.polledAtMs - before.polledAtMs;
      boolean inTime = comparable && passedMs > 0 && passedMs <= 3500L * now.intervalS;
      for (int row = 0; row < now.index.size(); row++) {
        GenericRecord gauge = new GenericData.Record(gaugeSchema);
        fixed(gauge, now, row);
        double seconds = (passedMs + now.offset(row) - (inTime ? before.offset(row) : 0)) / 1000.0;
        gauge.put("time_ms", now.polledAtMs + now.offset(row));
        gauge.put("duration_s", inTime ? seconds : null);
        Map<String, Double> gauges = new HashMap<>();
        Map<String, String> missing = new HashMap<>();
        rates(inTime ? before : null, now, row, seconds, gauges, missing);
        for (int number = 0; number < now.levelNames.length; number++) {
          gauges.put(now.levelNames[number], now.levels.get(number).get(row));
        }
        gauge.put("gauges", gauges);
        gauge.put("states", named(now.stateNames, now.states, row));
        gauge.put("missing", missing);
        gauge.put("confidence", Map.of());
        gauge.put("counters", Map.of());
        context.forward(record.withValue(encode(gauge)));
      }
    }

    private static boolean rebooted(Poll before, Poll now) {
      return before.uptimeCs != null && now.uptimeCs != null && now.uptimeCs < before.uptimeCs;
    }

    private static void fixed(GenericRecord gauge, Poll now, int row) {
      for (String name : List.of("site", "resource", "endpoint", "job", "group", "interval_s", "labels", "slot")) {
        gauge.put(name, now.record.get(name));
      }
      gauge.put("row", now.index.get(row));
      gauge.put("dimensions", named(now.dimensionNames, now.dimensions, row));
      gauge.put("units", now.units);
    }

    private static Map<String, Object> named(String[] names, List<List<Object>> columns, int row) {
      Map<String, Object> found = new HashMap<>();
      for (int number = 0; number < names.length; number++) {
        found.put(names[number], columns.get(number).get(row));
      }
      return found;
    }

    private static void rates(
        Poll before, Poll now, int row, double seconds, Map<String, Double> gauges, Map<String, String> missing) {
      for (int number = 0; number < now.counterNames.length; number++) {
        String name = now.counterNames[number];
        if (before == null) {
          missing.put(name, "first-sample");
          continue;
        }
        long then = before.counter(number, row);
        long current = now.counter(number, row);
        long passed = current - then;
        if (passed < 0 && now.widths[number] == 32) {
          passed += 1L << 32;
        } else if (Long.compareUnsigned(current, then) < 0) {
          missing.put(name, "reset");
          continue;
        }
        double rate = passed * now.scales[number] / seconds;
        if (rate > now.limit(number, row)) {
          missing.put(name, "above-line-rate");
        } else {
          gauges.put(name, rate);
        }
      }
    }

    private byte[] encode(GenericRecord gauge) throws IOException {
      out.reset();
      out.write(header);
      encoder = EncoderFactory.get().binaryEncoder(out, encoder);
      writer.write(gauge, encoder);
      encoder.flush();
      return out.toByteArray();
    }
  }

  /** Avro 1.12's own array of doubles keeps them as floats: 1e11 comes back as 99999997952. */
  private static final class WholeDoubles extends GenericData {
    @Override
    public Object newArray(Object old, int size, Schema schema) {
      return schema.getElementType().getType() == Schema.Type.DOUBLE
          ? new GenericData.Array<Double>(size, schema)
          : super.newArray(old, size, schema);
    }
  }

  /** A poll with everything looked up once that is used for every row. */
  private static final class Poll {
    final GenericRecord record;
    final String series;
    final long slot;
    final long polledAtMs;
    final Long uptimeCs;
    final int intervalS;
    final List<Object> index;
    final List<Long> lines;
    final List<Integer> offsets;
    final String[] counterNames;
    final int[] widths;
    final double[] scales;
    final double[] bitsPerUnit;
    final List<List<Long>> counters;
    final String[] levelNames;
    final List<List<Double>> levels;
    final String[] stateNames;
    final List<List<Object>> states;
    final String[] dimensionNames;
    final List<List<Object>> dimensions;
    final Map<String, String> units = new HashMap<>();

    @SuppressWarnings("unchecked")
    Poll(GenericRecord given) {
      record = given;
      series = given.get("resource") + "|" + given.get("job") + "|" + given.get("group");
      slot = (Long) given.get("slot");
      polledAtMs = (Long) given.get("polled_at_ms");
      uptimeCs = (Long) given.get("uptime_cs");
      intervalS = (Integer) given.get("interval_s");
      index = (List<Object>) given.get("index");
      lines = (List<Long>) given.get("line_rates");
      offsets = (List<Integer>) given.get("offsets_ms");
      List<GenericRecord> columns = (List<GenericRecord>) given.get("counters");
      counterNames = names(columns);
      counters = values(columns);
      widths = columns.stream().mapToInt(column -> (Integer) column.get("width")).toArray();
      scales = columns.stream().mapToDouble(column -> (Double) column.get("scale")).toArray();
      bitsPerUnit = columns.stream().mapToDouble(column -> bits(column.get("unit").toString())).toArray();
      levelNames = names((List<GenericRecord>) given.get("gauges"));
      levels = values((List<GenericRecord>) given.get("gauges"));
      stateNames = names((List<GenericRecord>) given.get("states"));
      states = values((List<GenericRecord>) given.get("states"));
      dimensionNames = names((List<GenericRecord>) given.get("dimensions"));
      dimensions = values((List<GenericRecord>) given.get("dimensions"));
      columns.forEach(column -> units.put(column.get("name").toString(), column.get("unit") + "/s"));
      ((List<GenericRecord>) given.get("gauges"))
          .forEach(column -> units.put(column.get("name").toString(), column.get("unit").toString()));
    }

    private static double bits(String unit) {
      return switch (unit) {
        case "octets" -> 8;
        case "bits" -> 1;
        case "packets" -> 160;
        default -> 0;
      };
    }

    private static String[] names(List<GenericRecord> columns) {
      return columns.stream().map(column -> column.get("name").toString()).toArray(String[]::new);
    }

    @SuppressWarnings("unchecked")
    private static <T> List<List<T>> values(List<GenericRecord> columns) {
      return columns.stream().map(column -> (List<T>) column.get("values")).toList();
    }

    int offset(int row) {
      return offsets.isEmpty() ? 0 : offsets.get(row);
    }

    long counter(int number, int row) {
      List<Long> column = counters.get(number);
      return column instanceof PrimitivesArrays.LongArray longs ? longs.getLong(row) : column.get(row);
    }

    double limit(int number, int row) {
      long line = lines.isEmpty() ? 0 : lines.get(row);
      return line > 0 && bitsPerUnit[number] > 0 ? 1.1 * line / bitsPerUnit[number] : Double.POSITIVE_INFINITY;
    }
  }
}
